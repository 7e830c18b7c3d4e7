import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import type { ChatMessage, ChatRequest } from '../../src/common/chat.js';
import type { TargetStatus } from '../../src/common/target.js';
import { checkAnswer } from '../../src/modules/router/answer-check/answer-check.js';
import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { ShareControl } from '../../src/modules/router/learned/share-control.js';
import { decideRoute } from '../../src/modules/router/route-decision.js';
import { flat, timed, timesAsLong, wordSearch } from '../support/cpu-time.js';
import { figure } from '../support/figure.js';

/** What a prompt may be made of, over and over. */
const UNITS = [
  ...['"', "'", '“', '„', '«', '「', '`', '```', '```x`', '(', '( at ', ')', '[', ']', '{', '<', '</', '<a>'],
  ...[
    '1',
    '1 ',
    '1+',
    '1+(',
    '1)',
    '1)\n',
    '1.',
    '1.1.',
    '1-',
    '1-1 ',
    '1/',
    '1,',
    '1=1+',
    '0 ',
    '01 ',
    '7 ',
    '010 20 ',
  ],
  ...[
    '4111 ',
    '4111 1111 ',
    '411111111111111 ',
    '536-22-0000 ',
    '100 20 3000 ',
    '212-555-',
    '+1 ',
    '+4',
    'ab 1234567 ',
  ],
  ...[
    'DE12 ',
    'DE89 ',
    'MT12ABCD ',
    'GB82WEST',
    'f:',
    'f::f ',
    '1:2:34 ',
    'v1.1.1.1 ',
    '@',
    'a@',
    'a@b.c',
    'a@b.com.1 ',
  ],
  ...[
    'sk-',
    'sk-a ',
    'xoxb-1 ',
    'AKIA',
    'eyJ',
    'eyJaaaaaaaaa.',
    '-----BEGIN ',
    '-',
    'x=1',
    'sig=a',
    'sig=abcdefgh ',
    'key:',
  ],
  ...['//a:b', 'bearer ', '%40', '%', '%25', '&#64;', '&', '\\u0040', '\\', '\\\\n', 'ä', '\u200b', '０', '\u00ad'],
  ...[`bearer${' '.repeat(20_000)}`, 'key is  a1', '4111_', '%E9', '%E2%82', '%252525E2', '@✓.com', 'é [at] '],
  ...[
    'a',
    'a ',
    'A',
    'A. ',
    'A)\n',
    'a.b=c ',
    'x^',
    'a - b ',
    'O(',
    '\\frac',
    'at x.y ',
    '\n at x',
    'File "',
    '\nFile "x",',
  ],
  ...['Traceback (', 'XError: ', 'prove ', 'step by step ', 'hi, ', 'please ', 'question: ', 'can you please help me '],
  ...['分析', 'かな', '한글', '电话', '电 1234567 ', 'e\u0301', '\u0301', '\u{1f600}', '\ud83d', '\u0000'],
  ...[
    ' ',
    '\t',
    '\n',
    '\r\n',
    ' \n',
    '- ',
    '-\n',
    '* x\n',
    '?',
    '？',
    '!',
    '.',
    '..',
    ',',
    ':',
    ';',
    '; ',
    '=> ',
    'word word\n',
  ],
];
/** The slowest ones, and those of F08. */
const SLOW_UNITS = ['DE12 ', '1)', '「', '1=1+', '1:2:34 '];
const SMALL = 32_768;
const LARGEST = 4_000_000;
/**
 * As many times what finding the words of as much prose takes: a machine's speed is in both. A decision takes up to 50 of
 * them for a short text and 2 for a long one, a body of many small things 20; to look from every character to the end
 * takes ten thousand.
 */
const BOUND = 200;

const target = (id: string, tier: 'local' | 'cloud'): TargetStatus => ({
  ...{
    id,
    tier,
    provider: 'openai',
    model: id,
    contextWindow: null,
    capabilities: ['tools'],
    price: null,
    simulated: false,
    deployment: {},
  },
  timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, plainMs: 1, totalMs: 1, loadMs: 1 },
  ...{ breaker: 'closed', openForMs: 0, warm: null, slots: { inFlight: 0, queued: 0 } },
  calls: { ttftMs: { p50: null, p95: null }, errorRate: 0, lastError: null },
});
const targets = [target('near', 'local'), target('cloud', 'cloud')];
const config = routerConfigSchema.parse({
  targets: targets.map(({ id, tier }) => ({ id, tier, provider: 'simulated' })),
  models: [{ name: 'auto', targets: ['near', 'cloud'] }],
  privacy: { localOnly: true },
});
const scorer = new LearnedScorer(shippedArtefact());
const shares = new ShareControl();
const decide = (messages: ChatMessage[], fields: Partial<ChatRequest> = {}) =>
  decideRoute({
    request: { model: 'auto', messages, ...fields },
    ...{
      history: [],
      strategy: null,
      previousTarget: null,
      tenant: 'acme',
      config,
      targets,
      conversation: null,
      onlyPriced: null,
    },
    ...{ now: () => 0, random: () => 0, scorer, shares, live: true, explain: true },
  });
const filled = (unit: string, bytes: number): string => flat(unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit))));
const user = (content: string): ChatMessage => ({ role: 'user', content });

const deciding = (text: string) => {
  const messages = [user(text)];
  return () => decide(messages);
};

interface Worst {
  readonly unit: string;
  /** As many times what finding the words of as much prose takes. */
  readonly times: number;
}

/**
 * The text over which `workOf` takes longest. One run of each text says enough, unless it looks bad: then it is measured
 * with care, as the run may have been disturbed.
 */
async function worstOf(workOf: (text: string) => () => unknown, bytes: number, units = UNITS): Promise<Worst> {
  const yardstick = wordSearch(bytes);
  const unitMs = Math.min(...Array.from({ length: 10 }, () => timed(yardstick).cpuMs));
  let worst: Worst = { unit: '', times: 0 };
  for (const unit of units) {
    const work = workOf(filled(unit, bytes));
    const quick = timed(work).cpuMs / unitMs;
    const times = quick < BOUND ? quick : await timesAsLong(work, yardstick);
    if (times > worst.times) worst = { unit, times };
  }
  return worst;
}

describe('a decision about a hostile prompt', () => {
  it.each([
    ['32 kB', SMALL, UNITS],
    ['4 MB', LARGEST, SLOW_UNITS],
  ])(
    'F08 %s of anything, with localOnly',
    async (size, bytes, units) => {
      const { unit, times } = await worstOf(deciding, bytes, units);
      figure(
        'F08',
        `${size} of ${units.length} patterns: at most ${times.toFixed(1)} times as long as a search for words (${JSON.stringify(unit)})`,
      );
      expect([unit, times < BOUND]).toEqual([unit, true]);
    },
    120_000,
  );

  it.each<[string, () => ChatRequest['messages'], Partial<ChatRequest>]>([
    ['140,000 tiny messages', () => Array.from({ length: 140_000 }, () => user('x')), {}],
    [
      '140,000 tiny parts',
      () => [{ role: 'user', content: Array.from({ length: 140_000 }, () => ({ type: 'text', text: 'x' })) }],
      {},
    ],
    [
      '1.3 million {} in an unknown field',
      () => [user('hi')],
      { x_new: Array.from({ length: 1_300_000 }, () => ({})) },
    ],
    [
      'a million names',
      () => [user('hi')],
      { metadata: Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, 1])) },
    ],
    [
      'many tools',
      () => [user('hi')],
      { tools: Array.from({ length: 50_000 }, () => ({ type: 'function', function: { name: 'f' } })) },
    ],
  ])('F08 %s', async (name, messages, fields) => {
    const request = messages();
    const times = await timesAsLong(() => decide(request, fields), wordSearch(LARGEST));
    figure('F08', `${name}: ${times.toFixed(1)} times as long as a search for words in 4 MB`);
    expect(times).toBeLessThan(BOUND);
  });

  it('F08 the checks of a cheap answer', async () => {
    const checking = (content: string) => {
      const completion = { choices: [{ finish_reason: 'stop', message: { content } }] };
      return () => checkAnswer({ model: 'auto', messages: [] }, completion);
    };
    const { unit, times } = await worstOf(checking, SMALL);
    figure(
      'F08',
      `an answer of 32 kB: checked in at most ${times.toFixed(1)} times as long as a search for words (${JSON.stringify(unit)})`,
    );
    expect([unit, times < BOUND]).toEqual([unit, true]);
  }, 60_000);
});
