import type { ChatFrame } from '../../common/chat.js';
import { loggedChat } from './logged-chat.js';

const said = (content: string): ChatFrame => {
  const json = { choices: [{ index: 0, message: { role: 'assistant', content } }] };
  return { json, text: JSON.stringify(json) };
};

describe('the content of a request in the log', () => {
  it('is its messages and its answer', () => {
    const asked = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi\r\n{"level":"error"}\u001b[31m' },
    ];
    expect(loggedChat(asked, said('Hello'))).toEqual({
      messages: 'system: Be brief.\nuser: Hi\r\n{"level":"error"}\u001b[31m',
      answer: 'assistant: Hello',
    });
    expect(loggedChat(asked, null).answer).toBeNull();
  });

  it('is redacted, also where a secret stands in a part, a tool call or across two messages', () => {
    const key = 'sk-abcdefghijklmnop0123456789qrstuv';
    const asked = [
      { role: 'user', content: [{ type: 'text', text: `my key is ${key}` }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: '1', function: { name: 'f', arguments: `{"to":"zoe@example.com"}` } }],
      },
      { role: 'user', content: 'My IBAN is DE89 3704 0044' },
      { role: 'user', content: '0532 0130 00' },
    ];
    const { messages, answer } = loggedChat(asked, said('Mail zoe@example.com'));
    expect(`${messages}${answer}`).not.toMatch(/sk-a|zoe|example\.com/);
    expect(answer).toBe('assistant: Mail [redacted]');
  });

  it('is 4 KiB of each: the latest messages, no picture, and how many were left out', () => {
    const filler = { role: 'user', content: 'word '.repeat(400) };
    const picture = {
      role: 'user',
      content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(1e6)}` } }],
    };
    const { messages, answer } = loggedChat(
      [...Array(50).fill(filler), picture, { role: 'user', content: 'the question' }],
      said('b '.repeat(1e6)),
    );
    expect(messages).toMatch(/^\(4\d earlier\) user: word/);
    expect(messages.length).toBeLessThan(4_200);
    expect(answer!.length).toBeLessThan(4_200);
    const short = loggedChat([picture, { role: 'user', content: 'the question' }], null).messages;
    expect(short).toContain('data:image/png;base64,(1000000 characters)');
    expect(short).toContain('user: the question');
  });
});
