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
  const request = [{ role: 'user', content: 'now' }];

  it('leaves a request without history alone', () => {
    expect(fitConversation([], request, 1)).toEqual({ messages: request, turnsUsed: 0 });
  });

  it('puts system messages first and the turns in order', () => {
    const own = [{ role: 'system', content: 'S' }, ...request];
    const { messages, turnsUsed } = fitConversation([turn('a', 'S'), turn('b', 'T')], own, 1000);
    expect(contents(messages)).toEqual(['S', 'T', 'a', 're a', 'b', 're b', 'now']);
    expect(turnsUsed).toBe(2);
  });

  it('drops the oldest turns first, whole', () => {
    const { messages, turnsUsed } = fitConversation([turn('a'.repeat(400)), turn('b')], request, 50);
    expect(contents(messages)).toEqual(['b', 're b', 'now']);
    expect(turnsUsed).toBe(1);
  });

  it('never cuts between a tool call and its result', () => {
    const tools = {
      messages: [
        { role: 'user', content: 'x'.repeat(100) },
        { role: 'assistant', content: null, tool_calls: [{ id: 't', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 't', content: 'r' },
      ],
    };
    expect(fitConversation([tools], request, 20).messages).toEqual(request);
    expect(fitConversation([tools], request, 200).messages).toHaveLength(4);
  });
});
