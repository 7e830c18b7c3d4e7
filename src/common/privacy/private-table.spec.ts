import { readFileSync } from 'node:fs';
import { figure } from '../../../test/support/figure.js';
import { PRIVATE_KINDS, type PrivateKind } from '../config/config.schema.js';
import { loadNumberingPlans } from './numbering-plans.js';
import { findPrivateKinds } from './private-text.js';

interface Case {
  readonly kinds: readonly PrivateKind[];
  readonly text: string;
}

const LANGUAGES = ['de', 'en', 'es', 'fr', 'ja', 'zh'];
/** Of all kinds together, and of each. */
const LEAST = 0.97;
const LEAST_OF_ONE = 0.95;

const casesOf = (language: string): Case[] =>
  readFileSync(`src/common/privacy/cases/${language}.jsonl`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Case);

class Score {
  private right = 0;
  private missed = 0;
  private wrong = 0;

  add(isWanted: boolean, isFound: boolean): void {
    if (isWanted && isFound) this.right += 1;
    else if (isWanted) this.missed += 1;
    else if (isFound) this.wrong += 1;
  }

  get recall(): number {
    return this.right / (this.right + this.missed);
  }

  get precision(): number {
    return this.right / (this.right + this.wrong);
  }

  get words(): string {
    const { right, missed, wrong } = this;
    return `recall ${this.recall.toFixed(3)} (${right} of ${right + missed}), precision ${this.precision.toFixed(3)} (${right} of ${right + wrong})`;
  }
}

describe('the table of private text', () => {
  const all = new Score();
  const scores = new Map(PRIVATE_KINDS.map((kind) => [kind, new Score()]));
  const table = LANGUAGES.map((language) => [language, casesOf(language)] as const);
  const mistakes: string[] = [];

  beforeAll(async () => {
    await loadNumberingPlans();
    for (const { kinds, text } of table.flatMap(([, cases]) => cases)) {
      const found = findPrivateKinds(text, PRIVATE_KINDS);
      for (const [kind, score] of scores) {
        const [isWanted, isFound] = [kinds.includes(kind), found.includes(kind)];
        score.add(isWanted, isFound);
        all.add(isWanted, isFound);
        if (isWanted !== isFound) mistakes.push(`${isFound ? 'wrong' : 'missed'} ${kind}: ${text}`);
      }
    }
    for (const mistake of mistakes) figure('F11', mistake);
  });

  it('has enough cases of each language, half of them near misses', () => {
    for (const [language, cases] of table) {
      const harmless = cases.filter(({ kinds }) => kinds.length === 0).length;
      figure('F11', `${language}: ${cases.length} cases, ${harmless} of them near misses`);
      expect(cases.length).toBeGreaterThanOrEqual(100);
      expect(harmless / cases.length).toBeGreaterThanOrEqual(0.5);
    }
  });

  it.each(PRIVATE_KINDS)('%s: recall and precision', (kind) => {
    const score = scores.get(kind)!;
    figure('F11', `${kind}: ${score.words}`);
    expect(score.recall).toBeGreaterThanOrEqual(LEAST_OF_ONE);
    expect(score.precision).toBeGreaterThanOrEqual(LEAST_OF_ONE);
  });

  it('all kinds: recall and precision', () => {
    figure('F11', `all: ${all.words}`);
    expect(all.recall).toBeGreaterThanOrEqual(LEAST);
    expect(all.precision).toBeGreaterThanOrEqual(LEAST);
  });
});
