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

// joined is a block of a message, as far as its deltas have come.
type joined struct {
	text, reasoning, input string
	use                    *types.ToolUseBlockStart
}

func (block *joined) add(delta types.ContentBlockDelta) error {
	switch held := delta.(type) {
	case *types.ContentBlockDeltaMemberText:
		block.text += held.Value
	case *types.ContentBlockDeltaMemberToolUse:
		block.input += aws.ToString(held.Value.Input)
	case *types.ContentBlockDeltaMemberReasoningContent:
		if thought, known := held.Value.(*types.ReasoningContentBlockDeltaMemberText); known {
			block.reasoning += thought.Value
		}
	case *types.UnknownUnionMember:
		return errors.New("unknown member of a union: " + held.Tag)
	}
	return nil
}

// contents returns the block as a message has it.
func (block *joined) contents() (held []types.ContentBlock, err error) {
	if block.reasoning != "" {
		held = append(held, &types.ContentBlockMemberReasoningContent{
			Value: &types.ReasoningContentBlockMemberReasoningText{
				Value: types.ReasoningTextBlock{Text: aws.String(block.reasoning)},
			},
		})
	}
	if block.text != "" {
		held = append(held, &types.ContentBlockMemberText{Value: block.text})
	}
	if block.use != nil {
		input := map[string]any{}
		if block.input != "" {
			err = json.Unmarshal([]byte(block.input), &input)
		}
		held = append(held, &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			Name:      block.use.Name,
			ToolUseId: block.use.ToolUseId,
			Input:     document.NewLazyDocument(input),
		}})
	}
	return held, err
}

func streamed(
	ctx context.Context, client *bedrockruntime.Client, input *bedrockruntime.ConverseStreamInput,
) ([]types.ContentBlock, error) {
	output, err := client.ConverseStream(ctx, input)
	if err != nil {
		return nil, err
	}
	stream := output.GetStream()
	defer stream.Close()
	var blocks []*joined
	at := func(index *int32) *joined {
		for len(blocks) <= int(*index) {
			blocks = append(blocks, &joined{})
		}
		return blocks[*index]
	}
	ended := false
	for event := range stream.Events() {
		switch held := event.(type) {
		case *types.ConverseStreamOutputMemberContentBlockStart:
			if start, known := held.Value.Start.(*types.ContentBlockStartMemberToolUse); known {
				at(held.Value.ContentBlockIndex).use = &start.Value
			}
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			if err := at(held.Value.ContentBlockIndex).add(held.Value.Delta); err != nil {
				return nil, err
			}
		case *types.ConverseStreamOutputMemberMessageStop:
			ended = true
		case *types.UnknownUnionMember:
			return nil, fmt.Errorf("unknown event: %s", held.Tag)
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	if !ended {
		return nil, errors.New("the stream ended before the message")
	}
	var content []types.ContentBlock
	for _, block := range blocks {
		held, err := block.contents()
		if err != nil {
			return nil, err
		}
		content = append(content, held...)
	}
	return content, nil
}
