import { estimateTextTokens, estimateTokens } from './token-estimate.js';

describe('token estimate', () => {
  it('counts four Latin characters as a token', () => expect(estimateTextTokens('a'.repeat(400))).toBe(100));
  it('counts a Chinese character as a token', () => expect(estimateTextTokens('你好世界')).toBe(4));
  it('adds messages, tool calls and images', () => {
    const image = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] };
    expect(estimateTokens([image])).toBeGreaterThan(700);
    const call = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'x', function: { arguments: 'a'.repeat(400) } }],
    };
    expect(estimateTokens([call])).toBeGreaterThan(100);
  });
});
