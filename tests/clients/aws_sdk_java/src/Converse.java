import com.google.gson.JsonArray;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.document.Document;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;
import software.amazon.awssdk.services.bedrockruntime.model.CitationGeneratedContent;
import software.amazon.awssdk.services.bedrockruntime.model.ContentBlock;
import software.amazon.awssdk.services.bedrockruntime.model.ConversationRole;
import software.amazon.awssdk.services.bedrockruntime.model.ConverseStreamResponseHandler;
import software.amazon.awssdk.services.bedrockruntime.model.Message;
import software.amazon.awssdk.services.bedrockruntime.model.Tool;
import software.amazon.awssdk.services.bedrockruntime.model.ToolConfiguration;
import software.amazon.awssdk.services.bedrockruntime.model.ToolInputSchema;
import software.amazon.awssdk.services.bedrockruntime.model.ToolResultContentBlock;
import software.amazon.awssdk.services.bedrockruntime.model.ToolUseBlock;

/** Converse and its stream, until no tool is called. */
final class Converse {
    private static final int ROUNDS = 8;

    /** A tool's parameter, and what comes before the argument in its answer. */
    private record Parameter(String name, String said) {}

    private static final Map<String, Parameter> TOOLS = Map.of(
            "get_weather", new Parameter("city", "rain in "),
            "get_time", new Parameter("zone", "noon in "));

    private Converse() {}

    /** Fails for what the SDK does not know: it would be passed over in silence. */
    static void refuse(Object unknown) {
        throw new IllegalStateException("unknown to the SDK: " + unknown);
    }

    static List<Client.Turn> turns(BedrockRuntimeAsyncClient client, Client.Request request) {
        var messages = new ArrayList<Message>();
        messages.add(message(ConversationRole.USER, List.of(ContentBlock.fromText(request.prompt()))));
        var tools = request.tools() ? toolConfig() : null;
        var turns = new ArrayList<Client.Turn>();
        while (turns.size() < ROUNDS) {
            var content = request.stream()
                    ? streamed(client, messages, tools)
                    : whole(client, messages, tools);
            turns.add(turnOf(content));
            var results = content.stream()
                    .filter(block -> block.type() == ContentBlock.Type.TOOL_USE)
                    .map(block -> resultOf(block.toolUse()))
                    .toList();
            if (results.isEmpty() || !request.tools()) {
                break;
            }
            messages.add(message(ConversationRole.ASSISTANT, content));
            messages.add(message(ConversationRole.USER, results));
        }
        return turns;
    }

    private static List<ContentBlock> whole(
            BedrockRuntimeAsyncClient client, List<Message> messages, ToolConfiguration tools) {
        var answer = client.converse(request -> request
                .modelId(Client.MODEL)
                .messages(messages)
                .toolConfig(tools));
        return answer.join().output().message().content();
    }

    private static List<ContentBlock> streamed(
            BedrockRuntimeAsyncClient client, List<Message> messages, ToolConfiguration tools) {
        var joined = new Joined();
        client.converseStream(
                        request -> request
                                .modelId(Client.MODEL)
                                .messages(messages)
                                .toolConfig(tools),
                        ConverseStreamResponseHandler.builder()
                                .subscriber(joined.visitor())
                                .build())
                .join();
        return joined.content();
    }

    private static Client.Turn turnOf(List<ContentBlock> content) {
        var text = new StringBuilder();
        var reasoning = new StringBuilder();
        var calls = new JsonArray();
        for (var block : content) {
            switch (block.type()) {
                case TEXT -> text.append(block.text());
                case CITATIONS_CONTENT -> block.citationsContent().content().stream()
                        .map(CitationGeneratedContent::text)
                        .forEach(text::append);
                case REASONING_CONTENT -> {
                    var thought = block.reasoningContent().reasoningText();
                    reasoning.append(thought == null ? "" : thought.text());
                }
                case TOOL_USE -> {
                    var call = new JsonArray();
                    call.add(new JsonPrimitive(block.toolUse().name()));
                    call.add(Documents.toJson(block.toolUse().input()));
                    calls.add(call);
                }
                case UNKNOWN_TO_SDK_VERSION -> refuse(block);
                default -> {}
            }
        }
        return new Client.Turn(text.toString(), reasoning.toString(), calls);
    }

    private static Message message(ConversationRole role, List<ContentBlock> content) {
        return Message.builder().role(role).content(content).build();
    }

    private static ToolConfiguration toolConfig() {
        var tools = TOOLS.entrySet().stream().map(entry -> {
            var type = Document.mapBuilder().putString("type", "string").build();
            var parameter = Document.mapBuilder().putDocument(entry.getValue().name(), type).build();
            var schema = Document.mapBuilder()
                    .putString("type", "object")
                    .putDocument("properties", parameter)
                    .build();
            return Tool.fromToolSpec(spec -> spec
                    .name(entry.getKey())
                    .inputSchema(ToolInputSchema.fromJson(schema)));
        });
        return ToolConfiguration.builder().tools(tools.toList()).build();
    }

    private static ContentBlock resultOf(ToolUseBlock use) {
        var parameter = TOOLS.getOrDefault(use.name(), new Parameter("", ""));
        var argument = use.input().asMap().get(parameter.name());
        var said = parameter.said() + (argument == null ? "" : argument.asString());
        var answer = Document.mapBuilder().putString("said", said).build();
        return ContentBlock.fromToolResult(result -> result
                .toolUseId(use.toolUseId())
                .content(ToolResultContentBlock.fromJson(answer)));
    }
}
