import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.annotations.SerializedName;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.ProtocolNegotiation;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;

/**
 * software.amazon.awssdk:bedrockruntime, with the asynchronous HTTP client that it comes with
 * unless it is told to speak HTTP/1.1. Answers as talk.py says.
 */
public final class Client {
    static final String MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0";

    private static final Map<String, BedrockRuntimeAsyncClient> CLIENTS = new HashMap<>();

    private Client() {}

    record Request(
            String url,
            String prompt,
            boolean stream,
            boolean tools,
            @SerializedName("native") boolean invoke,
            boolean http1) {}

    record Turn(String text, String reasoning, JsonArray calls) {}

    record Failure(List<String> kinds, String message) {}

    public static void main(String[] arguments) throws IOException {
        var json = new GsonBuilder().serializeNulls().create();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var replies = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            replies.println(json.toJson(answer(json.fromJson(line, Request.class))));
        }
        System.exit(0);
    }

    private static Map<String, Object> answer(Request request) {
        try {
            var client = clientOf(request);
            if (!request.invoke()) {
                return Map.of("turns", Converse.turns(client, request));
            }
            var chunks = request.stream() ? Invoke.chunks(client) : Invoke.whole(client);
            return Map.of("chunks", chunks);
        } catch (RuntimeException error) {
            return Map.of("failure", failureOf(error));
        }
    }

    private static BedrockRuntimeAsyncClient clientOf(Request request) {
        return CLIENTS.computeIfAbsent(request.url() + request.http1(), key -> {
            var builder = BedrockRuntimeAsyncClient.builder();
            builder.endpointOverride(URI.create(request.url()));
            if (request.http1()) {
                builder.httpClientBuilder(NettyNioAsyncHttpClient.builder()
                        .protocol(Protocol.HTTP1_1)
                        // What the service's own default, ALPN, does not go with.
                        .protocolNegotiation(ProtocolNegotiation.ASSUME_PROTOCOL));
            }
            return builder.build();
        });
    }

    private static Failure failureOf(Throwable error) {
        var kinds = new ArrayList<String>();
        var messages = new ArrayList<String>();
        for (var cause = error; cause != null; cause = cause.getCause()) {
            kinds.add(cause.getClass().getSimpleName());
            messages.add(String.valueOf(cause.getMessage()));
        }
        return new Failure(kinds, String.join("; ", messages));
    }
}
