import type { ChatRequest } from './chat.js';
import { fitConversation } from './conversation.js';

const turn = (text: string, system?: string) => ({
  messages: [
    ...(system ? [{ role: 'system', content: system }] : []),
    { role: 'user', content: text },
    { role: 'assistant', content: `re ${text}` },
  ],
});
const contents = (messages: readonly { content?: unknown }[]) => messages.map(({ content }) => content);

describe('fitConversation', () => {
  const messages = [{ role: 'user', content: 'now' }];
  /** All of a window is for prompt and history. */
  const request: ChatRequest = { model: 'auto', max_tokens: 0, messages };

  it('leaves a request without history alone', () => {
    expect(fitConversation([], request, 1)).toEqual({ messages, turnsUsed: 0 });
  });

  it('puts system messages first and the turns in order', () => {
    const own = { ...request, messages: [{ role: 'system', content: 'S' }, ...messages] };
    const fitted = fitConversation([turn('a', 'S'), turn('b', 'T')], own, 1000);
    expect(contents(fitted.messages)).toEqual(['S', 'T', 'a', 're a', 'b', 're b', 'now']);
    expect(fitted.turnsUsed).toBe(2);
  });

  it('drops the oldest turns first, whole', () => {
    const fitted = fitConversation([turn('a'.repeat(400)), turn('b')], request, 50);
    expect(contents(fitted.messages)).toEqual(['b', 're b', 'now']);
    expect(fitted.turnsUsed).toBe(1);
  });

  it('never cuts between a tool call and its result', () => {
    const tools = {
      messages: [
        { role: 'user', content: 'x'.repeat(100) },
        { role: 'assistant', content: null, tool_calls: [{ id: 't', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 't', content: 'r' },
      ],
    };
    expect(fitConversation([tools], request, 20).messages).toEqual(messages);
    expect(fitConversation([tools], request, 200).messages).toHaveLength(4);
  });

  it('leaves room for the answer and for what the request sends beside its messages', () => {
    const turns = (own: Partial<ChatRequest>, window: number | null) =>
      fitConversation([turn('a'), turn('b')], { ...request, ...own }, window).turnsUsed;
    expect(turns({}, 60)).toBe(2);
    expect(turns({ max_tokens: 40 }, 60)).toBe(1);
    expect(turns({ max_tokens: -1 }, 60)).toBe(2);
    expect(turns({ tools: [{ type: 'function', function: { name: 'f'.repeat(120) } }] }, 60)).toBe(1);
    expect(turns({ max_tokens: 40 }, null)).toBe(2);
  });
});
