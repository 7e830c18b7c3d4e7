import { promptOf } from '../prompt.js';
import { LearnedScorer } from './learned-scorer.js';
import type { ArtefactJson } from './routing-artefact.js';
import { parseArtefact, shippedArtefact } from './routing-artefact.js';
import { TRAINED_ARTEFACT } from './trained-artefact.js';

const scorer = new LearnedScorer(shippedArtefact());
const scoreOf = (text: string) => scorer.scoreOf(promptOf(text));
const explain = (text: string) => ({ score: scoreOf(text), ...scorer.reasons(), columns: [...scorer.columns] });
const QUESTION = 'A train travels 120 km in 2 hours and then 90 km in 1.5 hours. What is its average speed?';

describe('LearnedScorer', () => {
  it.each([
    ['case', QUESTION.toUpperCase()],
    ['white space', QUESTION.replaceAll(' ', ' \n ')],
    ['a greeting', `Hi! Could you please help me with this question? ${QUESTION}`],
    ['a please', `Please: ${QUESTION}`],
    ['thanks', `${QUESTION}\n\nThank you very much for your help!`],
    ['thanks in advance', `${QUESTION} Thanks in advance`],
  ])('is not moved by %s', (_what, text) => {
    expect(scoreOf(text)).toBeCloseTo(scoreOf(QUESTION), 5);
  });

  it('is moved by the task', () => {
    expect(scoreOf('What is the capital of France?')).not.toBeCloseTo(scoreOf(QUESTION), 2);
  });

  it('gives the same score whatever was scored before', () => {
    const first = explain(QUESTION);
    explain('x'.repeat(5000));
    expect(explain(QUESTION)).toEqual(first);
  });

  it('names what it looks like and the features that count most', () => {
    const { looksLike, strongest } = explain(
      'Tom has 3 boxes of 12 pens each. He gives 7 pens to each of his 4 friends. How many pens are left?',
    );
    expect(looksLike).toBe('multi-step arithmetic');
    expect(Object.values(strongest).every((value) => value !== 0)).toBe(true);
  });

  it('refuses an artefact of another version or with a part missing', () => {
    const json = JSON.parse(TRAINED_ARTEFACT) as ArtefactJson;
    expect(() => parseArtefact({ ...json, format: 0 })).toThrow('another version');
    expect(() => parseArtefact({ ...json, embedding: json.embedding.slice(0, 400) })).toThrow('damaged');
  });

  it('is small', () => expect(TRAINED_ARTEFACT.length).toBeLessThan(2 * 1024 * 1024));
});
