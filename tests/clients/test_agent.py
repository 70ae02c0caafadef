"""What real clients make of automatic agents: their own tool loops run to the end."""

import json

from bedrock_frames.server import Server
from tests.clients.asking import asked, each, statuses, turns_of
from tests.clients.running import Client


@each
def test_a_tool_loop_runs_for_its_rounds_and_ends_with_text(
    client: Client, stream: bool, bedrock: Server
) -> None:
    bedrock.add(response={"agent": {"rounds": 2, "parallel": 2, "output_tokens": 20}})
    turns = turns_of(client.ask("How is the weather?", stream=stream, tools=True))

    assert [len(turn["calls"]) for turn in turns] == [2, 2, 0]
    assert {name for turn in turns for name, _ in turn["calls"]} == {"get_weather", "get_time"}
    assert len(turns[-1]["text"]) == 80
    assert statuses(bedrock) == [200] * 3
    last = json.dumps(json.loads(asked(bedrock)[-1].body)["messages"])
    assert "rain in" in last
    assert "noon in" in last
