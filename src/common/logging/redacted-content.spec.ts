import { redactedContent } from './redacted-content.js';

const MAIL = 'zoe@example.com';
const KEY = 'sk-abcdefghijklmnop0123456789qrstuv';

describe('what a person wrote, where it may be written down', () => {
  it('stays as it is where nothing is private', () => {
    expect(redactedContent('What is the capital of France? Paris.', 100)).toBe('What is the capital of France? Paris.');
  });

  it('loses addresses and keys, and every sentence with anything else that is private', () => {
    const text = `Hello. Write to ${MAIL} with ${KEY}. My IBAN is DE89 3704 0044 0532 0130 00, thanks. Call +49 171 5551234! Bye.`;
    expect(redactedContent(text, 1_000)).toBe('Hello. Write to [redacted] with [redacted]. [redacted] [redacted] Bye.');
  });

  it('knows where a sentence ends in Chinese and Japanese', () => {
    const text = '今天天气很好。我的手机号是13812345678。明天见。';
    expect(redactedContent(text, 100)).toBe('今天天气很好。[redacted] 明天见。');
  });

  it.each(['4111,1111,1111,1111', 'jane@\nexample.com', 'Tel. 030.\n1234567', btoa(`write to ${MAIL} today`)])(
    'loses %j',
    (secret) =>
      expect(redactedContent(`Hello. It is ${secret} now. Bye.`, 100)).not.toMatch(/1111|jane|1234567|d3JpdGU/),
  );

  it('loses what is spread over sentences, or hidden between invisible characters', () => {
    expect(redactedContent('My IBAN DE89 3704 0044\n0532 0130 00 is it', 100)).toBe('[redacted]');
    expect(redactedContent('zo\u200be@exam\u200bple.com is mine', 100)).not.toMatch(/exam/);
  });

  it.each([0, 1, 5, 20, 30, 100, 400, 511])(
    'has no half of a secret where it is cut, %i characters in front',
    (before) => {
      const most = 1_000;
      const end = 2 * most + 512 - before;
      const text = `${'x '.repeat(end / 2).slice(0, end)}${KEY} ${'y '.repeat(4_000)}`;
      expect(redactedContent(text, most)).not.toContain('sk-');
      const mails = `${`${MAIL} `.repeat(400)}${'z '.repeat(4_000)}`; // redacted it is shorter, so the cut comes into view
      expect(redactedContent(mails, most)).not.toContain('zoe');
      expect(redactedContent(text, most).length).toBeLessThanOrEqual(most + 3);
    },
  );

  it('takes a bounded time, however long the text', () => {
    const long = '4111 1111 1111 1112 zoe@ '.repeat(400_000);
    const start = performance.now();
    redactedContent(long, 4_096);
    expect(performance.now() - start).toBeLessThan(200);
  });
});
