import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;
import software.amazon.awssdk.services.bedrockruntime.model.InvokeModelWithResponseStreamResponseHandler;

/** InvokeModel and its stream: the model's own JSON. */
final class Invoke {
    private static final SdkBytes BODY = SdkBytes.fromUtf8String("""
            {
              "anthropic_version": "bedrock-2023-05-31",
              "max_tokens": 100,
              "messages": [{"role": "user", "content": "hello"}]
            }""");

    private Invoke() {}

    static List<JsonElement> whole(BedrockRuntimeAsyncClient client) {
        var answer = client.invokeModel(request -> request
                .modelId(Client.MODEL)
                .contentType("application/json")
                .body(BODY));
        return List.of(JsonParser.parseString(answer.join().body().asUtf8String()));
    }

    static List<JsonElement> chunks(BedrockRuntimeAsyncClient client) {
        var chunks = new ArrayList<JsonElement>();
        var visitor = InvokeModelWithResponseStreamResponseHandler.Visitor.builder()
                .onChunk(chunk -> chunks.add(JsonParser.parseString(chunk.bytes().asUtf8String())))
                .onDefault(Converse::refuse)
                .build();
        client.invokeModelWithResponseStream(
                        request -> request
                                .modelId(Client.MODEL)
                                .contentType("application/json")
                                .body(BODY),
                        InvokeModelWithResponseStreamResponseHandler.builder()
                                .subscriber(visitor)
                                .build())
                .join();
        return chunks;
    }
}
