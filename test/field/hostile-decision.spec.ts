import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import type { ChatMessage, ChatRequest } from '../../src/common/chat.js';
import type { TargetStatus } from '../../src/common/target.js';
import { checkAnswer } from '../../src/modules/router/answer-check.js';
import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { ShareControl } from '../../src/modules/router/learned/share-control.js';
import { decideRoute } from '../../src/modules/router/route-decision.js';
import { timed } from '../support/cpu-time.js';
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
const REPEATS = 1;
const ORDINARY = 'Hello, my dear friend! How are you today, and what did you read in the last 12 days? ';
/** As many times what ordinary prose of that length takes: a machine's speed is in both. */
const BOUND = 30;

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
  ...{ breaker: 'closed', openForMs: 0, warm: null, inFlight: 0, queued: 0, errorRate: 0, lastError: null },
  ttftMs: { p50: null, p95: null },
});
const targets = [target('near', 'local'), target('cloud', 'cloud')];
const config = routerConfigSchema.parse({
  targets: targets.map(({ id, tier }) => ({ id, tier, provider: 'simulated' })),
  models: [{ name: 'auto', targets: ['near', 'cloud'] }],
  privacy: { localOnly: true },
});
const learned = { scorer: new LearnedScorer(shippedArtefact()), shares: new ShareControl() };
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
      onlyPriced: false,
    },
    ...{ now: () => 0, random: () => 0, learned, live: false },
  });
/** One string and not a tree of halves, as a parsed body has it. */
const filled = (unit: string, bytes: number): string =>
  JSON.parse(JSON.stringify(unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit))))) as string;
const user = (content: string): ChatMessage => ({ role: 'user', content });

function worstOf(measure: (unit: string) => number, units = UNITS): { unit: string; ms: number } {
  let worst = { unit: '', ms: 0 };
  for (const unit of units) {
    const ms = measure(unit);
    if (ms > worst.ms) worst = { unit, ms };
  }
  return worst;
}

/** The fastest of some runs: what is compiled or collected in one of them does not count. */
const leastOf = (work: () => unknown, repeats = REPEATS): number => {
  let least = Infinity;
  for (let i = 0; i < repeats; i += 1) least = Math.min(least, timed(work).cpuMs);
  return least;
};

/** What is allowed for a prompt of this length, milliseconds of processor. */
const ordinary = (bytes: number): number => {
  const messages = [user(filled(ORDINARY, bytes))];
  return (
    BOUND *
    Math.max(
      0.1,
      leastOf(() => decide(messages)),
    )
  );
};

describe('a decision about a hostile prompt', () => {
  it('F08 32 kB of anything, with localOnly', () => {
    const bound = ordinary(SMALL);
    const { unit, ms } = worstOf((of) => {
      const messages = [user(filled(of, SMALL))];
      return leastOf(() => decide(messages));
    });
    figure(
      'F08',
      `32 kB of ${UNITS.length} patterns: at most ${ms.toFixed(2)} ms of processor (${JSON.stringify(unit)})`,
    );
    expect([unit, ms < bound]).toEqual([unit, true]);
  }, 60_000);

  it('F08 4 MB of anything, with localOnly', () => {
    const bound = ordinary(LARGEST);
    const { unit, ms } = worstOf((of) => {
      const messages = [user(filled(of, LARGEST))];
      return timed(() => decide(messages)).cpuMs;
    }, SLOW_UNITS);
    figure(
      'F08',
      `4 MB of ${SLOW_UNITS.length} patterns: at most ${ms.toFixed(0)} ms of processor (${JSON.stringify(unit)})`,
    );
    expect([unit, ms < bound]).toEqual([unit, true]);
  }, 120_000);

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
  ])('F08 %s', (name, messages, fields) => {
    const request = messages();
    const ms = timed(() => decide(request, fields)).cpuMs;
    figure('F08', `${name}: ${ms.toFixed(0)} ms of processor`);
    expect(ms).toBeLessThan(ordinary(LARGEST));
  });

  it('F08 the checks of a cheap answer', () => {
    const checked = (of: string, characters: number): number => {
      const completion = { choices: [{ finish_reason: 'stop', message: { content: filled(of, characters) } }] };
      return leastOf(() => checkAnswer({ model: 'auto', messages: [] }, completion), 5);
    };
    const { unit, ms } = worstOf((of) => checked(of, SMALL));
    figure('F08', `an answer of 32 kB: checked in at most ${ms.toFixed(2)} ms of processor (${JSON.stringify(unit)})`);
    // linear work takes a few; to look from every character to the end takes thousands
    expect(ms).toBeLessThan(50);
  }, 60_000);
});
