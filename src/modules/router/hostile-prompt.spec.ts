import { flat, growth, LINEAR, timesAsLong, wordSearch } from '../../../test/support/cpu-time.js';
import type { ChatMessage } from '../../common/chat.js';
import { LearnedScorer } from './learned/learned-scorer.js';
import { shippedArtefact } from './learned/routing-artefact.js';
import { conversationPrompt, promptOf } from './prompt.js';
import { PromptFeatures } from './rules/prompt-features.js';
import { scorePrompt } from './rules/routing-rules.js';

const features = new PromptFeatures();
const score = (messages: ChatMessage[]) => scorePrompt(features.read(conversationPrompt(messages, []))).score;
const scorer = new LearnedScorer(shippedArtefact());
const user = (content: string): ChatMessage => ({ role: 'user', content });
const MEGABYTE = 1_000_000;
/** As many times what finding the words of as much prose takes; the slowest takes as long, quadratic work thousands. */
const MOST = 5;
const yardstick = wordSearch(MEGABYTE);

describe('hostile prompts', () => {
  it.each([
    ['nothing', ''],
    ['blanks', ' \t\n'.repeat(MEGABYTE / 3)],
    ['lone surrogates', '\ud83d'.repeat(MEGABYTE)],
    ['binary', Array.from({ length: MEGABYTE / 4 }, (_, i) => String.fromCharCode((i * 7919) % 65_536)).join('')],
    ['digits', '1 '.repeat(MEGABYTE / 2)],
    ['operators', '1+('.repeat(MEGABYTE / 3)],
    ['open quotes', '"'.repeat(MEGABYTE)],
    ['open code blocks', '```x`'.repeat(MEGABYTE / 5)],
    ['one word', 'a'.repeat(MEGABYTE)],
    ['lines', '\n'.repeat(MEGABYTE)],
    ['combining marks', 'a\u0301'.repeat(MEGABYTE / 2)],
    ['Chinese', '分析'.repeat(MEGABYTE / 2)],
    ['cues', 'prove '.repeat(MEGABYTE / 6)],
    ['stack frames', 'at x.y '.repeat(MEGABYTE / 7)],
    ['assignments', 'a.b=c '.repeat(MEGABYTE / 6)],
  ])('are scored in bounded time: %s', async (_name, repeated) => {
    const text = flat(repeated);
    for (const scored of [() => score([user(text)]), () => scorer.scoreOf(promptOf(text))]) {
      const result = scored();
      expect(result).toBeGreaterThanOrEqual(0);
      expect(result).toBeLessThanOrEqual(1);
      expect(await timesAsLong(scored, yardstick)).toBeLessThan(MOST);
    }
  });

  it('may be thousands of messages', async () => {
    const withMessages = (length: number) => {
      const messages = Array.from({ length }, (_, i) =>
        i % 2 ? user('continue') : { role: 'assistant', content: 'x' },
      );
      return () => score(messages);
    };
    expect(withMessages(5000)()).toBeLessThan(0.5);
    expect(await growth(withMessages, 5000)).toBeLessThan(LINEAR);
  });

  it('may have no user message, no content and unknown parts', () => {
    expect(score([])).toBeLessThan(0.5);
    expect(
      score([
        { role: 'user', content: null },
        { role: 'user', content: [{ type: 'input_audio' }] },
      ]),
    ).toBeLessThan(0.5);
  });
});
