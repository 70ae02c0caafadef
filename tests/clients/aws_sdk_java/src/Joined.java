import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import software.amazon.awssdk.services.bedrockruntime.model.ContentBlock;
import software.amazon.awssdk.services.bedrockruntime.model.ContentBlockDelta;
import software.amazon.awssdk.services.bedrockruntime.model.ConverseStreamResponseHandler.Visitor;
import software.amazon.awssdk.services.bedrockruntime.model.ReasoningContentBlock;
import software.amazon.awssdk.services.bedrockruntime.model.ToolUseBlockStart;

/** The message that a stream's events add up to. */
final class Joined {
    private final TreeMap<Integer, Block> blocks = new TreeMap<>();
    private boolean ended;

    /** A block, as far as its deltas have come. */
    private static final class Block {
        private String text = "";
        private String reasoning = "";
        private String input = "";
        private ToolUseBlockStart toolUse;

        private void add(ContentBlockDelta delta) {
            switch (delta.type()) {
                case TEXT -> text += delta.text();
                case TOOL_USE -> input += delta.toolUse().input();
                case REASONING_CONTENT -> {
                    var thought = delta.reasoningContent().text();
                    reasoning += thought == null ? "" : thought;
                }
                case UNKNOWN_TO_SDK_VERSION -> Converse.refuse(delta);
                default -> {}
            }
        }

        private void putInto(List<ContentBlock> content) {
            if (!reasoning.isEmpty()) {
                content.add(ContentBlock.fromReasoningContent(ReasoningContentBlock.fromReasoningText(
                        thought -> thought.text(reasoning))));
            }
            if (!text.isEmpty()) {
                content.add(ContentBlock.fromText(text));
            }
            if (toolUse != null) {
                var arguments = JsonParser.parseString(input.isEmpty() ? "{}" : input);
                content.add(ContentBlock.fromToolUse(use -> use
                        .toolUseId(toolUse.toolUseId())
                        .name(toolUse.name())
                        .input(Documents.fromJson(arguments))));
            }
        }
    }

    Visitor visitor() {
        return Visitor.builder()
                .onContentBlockStart(event -> at(event.contentBlockIndex()).toolUse =
                        event.start().toolUse())
                .onContentBlockDelta(event -> at(event.contentBlockIndex()).add(event.delta()))
                .onMessageStop(event -> ended = true)
                .onMessageStart(event -> {})
                .onContentBlockStop(event -> {})
                .onMetadata(event -> {})
                .onDefault(Converse::refuse)
                .build();
    }

    List<ContentBlock> content() {
        if (!ended) {
            throw new IllegalStateException("the stream ended before the message");
        }
        var content = new ArrayList<ContentBlock>();
        blocks.values().forEach(block -> block.putInto(content));
        return content;
    }

    private Block at(int index) {
        return blocks.computeIfAbsent(index, key -> new Block());
    }
}
