import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { parseArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { promptOf } from '../../src/modules/router/prompt.js';
import { fitArtefact } from './fit-artefact.js';
import type { Labelled } from './labelled-data.js';

const HARD = ['derive', 'the', 'entropy', 'of', 'quantum', 'fields'];
const EASY = ['name', 'a', 'colour', 'of', 'garden', 'flowers'];

/** Two subjects: the strong side gains on one and never on the other. */
const rows: Labelled[] = Array.from({ length: 120 }, (_, i) => {
  const hard = i % 2 === 0;
  const words = (hard ? HARD : EASY).map((word, k) => (k % 3 === i % 3 ? `${word} ${'abcdefgh'[i % 8]}` : word));
  return {
    ...{ id: String(i), benchmark: 'two', category: hard ? 'physics' : 'gardens', prompt: words.join(' ') },
    ...{ weak_correct: hard ? 0 : 1, strong_correct: 1, fold: i % 5 },
  };
});

describe('fitArtefact', () => {
  // trained here, as a busy machine may take longer than a test may
  const artefact = fitArtefact(rows, 1);
  const again = fitArtefact(rows, 1);
  const scorer = new LearnedScorer(parseArtefact(artefact));
  const columns = scorer.columnsOf(promptOf(EASY.join(' '))).slice();
  const judged = Array.from({ length: 200 }, () => ({ columns, gain: 0.5 }));
  const taught = fitArtefact(rows, 1, judged);

  it('learns where the strong side gains', () => {
    expect(scorer.raw(promptOf(HARD.join(' ')))).toBeGreaterThan(scorer.raw(promptOf(EASY.join(' '))) + 0.3);
  });

  it('gives the same artefact for the same seed', () => {
    expect(again.version).toBe(artefact.version);
  });

  it('holds no text of a prompt', () => {
    const text = JSON.stringify(artefact);
    for (const word of ['entropy', 'quantum', 'colour', 'flowers']) expect(text).not.toContain(word);
  });

  it('learns from judged decisions', () => {
    const after = new LearnedScorer(parseArtefact(taught));
    expect(after.raw(promptOf(EASY.join(' ')))).toBeGreaterThan(scorer.raw(promptOf(EASY.join(' '))) + 0.05);
  });
});
