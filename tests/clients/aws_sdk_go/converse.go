package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

type tool struct {
	parameter string
	call      func(argument string) string
}

var tools = map[string]tool{
	"get_weather": {"city", func(city string) string { return "rain in " + city }},
	"get_time":    {"zone", func(zone string) string { return "noon in " + zone }},
}

func toolConfig() *types.ToolConfiguration {
	told := &types.ToolConfiguration{}
	for name, known := range tools {
		schema := map[string]any{
			"type":       "object",
			"properties": map[string]any{known.parameter: map[string]any{"type": "string"}},
		}
		told.Tools = append(told.Tools, &types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name:        aws.String(name),
			InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(schema)},
		}})
	}
	return told
}

// converse asks until no tool is called.
func converse(
	ctx context.Context, client *bedrockruntime.Client, asked request,
) ([]turn, error) {
	input := &bedrockruntime.ConverseInput{ModelId: aws.String(model)}
	if asked.Tools {
		input.ToolConfig = toolConfig()
	}
	say := func(role types.ConversationRole, content []types.ContentBlock) {
		input.Messages = append(input.Messages, types.Message{Role: role, Content: content})
	}
	say(types.ConversationRoleUser, []types.ContentBlock{
		&types.ContentBlockMemberText{Value: asked.Prompt},
	})
	var turns []turn
	for len(turns) < rounds {
		content, err := answerTo(ctx, client, input, asked.Stream)
		if err != nil {
			return nil, err
		}
		said, results, err := read(content)
		if err != nil {
			return nil, err
		}
		turns = append(turns, said)
		if !asked.Tools || len(results) == 0 {
			break
		}
		say(types.ConversationRoleAssistant, content)
		say(types.ConversationRoleUser, results)
	}
	return turns, nil
}

func answerTo(
	ctx context.Context, client *bedrockruntime.Client, input *bedrockruntime.ConverseInput, stream bool,
) ([]types.ContentBlock, error) {
	if stream {
		return streamed(ctx, client, &bedrockruntime.ConverseStreamInput{
			ModelId: input.ModelId, Messages: input.Messages, ToolConfig: input.ToolConfig,
		})
	}
	output, err := client.Converse(ctx, input)
	if err != nil {
		return nil, err
	}
	message, known := output.Output.(*types.ConverseOutputMemberMessage)
	if !known {
		return nil, fmt.Errorf("unknown output %T", output.Output)
	}
	return message.Value.Content, nil
}

// read returns what a message says, and what its tools answer.
func read(content []types.ContentBlock) (turn, []types.ContentBlock, error) {
	said := turn{Calls: [][2]any{}}
	var results []types.ContentBlock
	for _, block := range content {
		switch held := block.(type) {
		case *types.ContentBlockMemberText:
			said.Text += held.Value
		case *types.ContentBlockMemberCitationsContent:
			for _, part := range held.Value.Content {
				if text, known := part.(*types.CitationGeneratedContentMemberText); known {
					said.Text += text.Value
				}
			}
		case *types.ContentBlockMemberReasoningContent:
			if thought, known := held.Value.(*types.ReasoningContentBlockMemberReasoningText); known {
				said.Reasoning += aws.ToString(thought.Value.Text)
			}
		case *types.ContentBlockMemberToolUse:
			input, err := held.Value.Input.MarshalSmithyDocument()
			if err != nil {
				return said, nil, err
			}
			name := aws.ToString(held.Value.Name)
			said.Calls = append(said.Calls, [2]any{name, json.RawMessage(input)})
			if known, ours := tools[name]; ours {
				results = append(results, known.result(held.Value.ToolUseId, input))
			}
		case *types.UnknownUnionMember:
			return said, nil, errors.New("unknown member of a union: " + held.Tag)
		}
	}
	return said, results, nil
}

func (known tool) result(id *string, input []byte) types.ContentBlock {
	var arguments map[string]string
	said := ""
	if err := json.Unmarshal(input, &arguments); err == nil {
		said = known.call(arguments[known.parameter])
	}
	answer := document.NewLazyDocument(map[string]any{"said": said})
	return &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
		ToolUseId: id,
		Content:   []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberJson{Value: answer}},
	}}
}
