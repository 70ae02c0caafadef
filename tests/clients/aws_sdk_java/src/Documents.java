import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import software.amazon.awssdk.core.document.Document;

/** JSON as the SDK holds it. */
final class Documents {
    private Documents() {}

    static JsonElement toJson(Document document) {
        if (document.isNull()) {
            return JsonNull.INSTANCE;
        }
        if (document.isBoolean()) {
            return new JsonPrimitive(document.asBoolean());
        }
        if (document.isNumber()) {
            return new JsonPrimitive(document.asNumber().bigDecimalValue());
        }
        if (document.isString()) {
            return new JsonPrimitive(document.asString());
        }
        if (document.isList()) {
            var items = new JsonArray();
            document.asList().forEach(item -> items.add(toJson(item)));
            return items;
        }
        var members = new JsonObject();
        document.asMap().forEach((name, member) -> members.add(name, toJson(member)));
        return members;
    }

    static Document fromJson(JsonElement json) {
        if (json.isJsonNull()) {
            return Document.fromNull();
        }
        if (json instanceof JsonObject members) {
            var held = new LinkedHashMap<String, Document>();
            members.entrySet().forEach(member -> held.put(member.getKey(), fromJson(member.getValue())));
            return Document.fromMap(held);
        }
        if (json instanceof JsonArray items) {
            var held = new ArrayList<Document>();
            items.forEach(item -> held.add(fromJson(item)));
            return Document.fromList(held);
        }
        var value = json.getAsJsonPrimitive();
        if (value.isBoolean()) {
            return Document.fromBoolean(value.getAsBoolean());
        }
        return value.isNumber()
                ? Document.fromNumber(value.getAsBigDecimal())
                : Document.fromString(value.getAsString());
    }
}
