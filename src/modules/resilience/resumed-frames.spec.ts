import type { Delta } from '../../common/chat.js';
import { ResumedFrames } from './resumed-frames.js';
import { SentAnswer } from './sent-answer.js';

const chunk = (delta: Delta) => {
  const json = { choices: [{ index: 0, delta, finish_reason: null }] };
  return { frames: [{ text: JSON.stringify(json), json }] };
};
const sentSoFar = (...deltas: Delta[]): SentAnswer => {
  const sent = new SentAnswer();
  for (const delta of deltas) sent.note(chunk(delta));
  return sent;
};
const deltasOf = (frames: ResumedFrames, deltas: readonly Delta[]) =>
  deltas.flatMap((delta) => (frames.rewritten(chunk(delta))?.frames ?? []).map(({ json }) => json.choices?.[0]?.delta));

const DETAILS = [{ type: 'reasoning.text', text: 'hm', signature: 's' }];

describe.each<[string, Delta]>([
  ['reasoning_content', { reasoning_content: 'hm' }],
  ['reasoning', { reasoning: 'hm' }],
  ['thinking', { thinking: 'hm' }],
  ['reasoning_details', { reasoning_details: DETAILS }],
  ['both', { reasoning_content: 'hm', reasoning_details: DETAILS }],
])('reasoning as %s', (_, thought) => {
  it('is not shown a second time', () => {
    const frames = new ResumedFrames(sentSoFar(thought, { content: 'One' }), true);
    expect(deltasOf(frames, [thought, { content: ' two' }])).toEqual([{ content: ' two' }]);
  });

  it('does not come in the middle of a text that had none in front', () => {
    const frames = new ResumedFrames(sentSoFar({ content: 'One' }), true);
    expect(deltasOf(frames, [thought, { content: ' two' }])).toEqual([{ content: ' two' }]);
  });

  it('of an attempt that got no further is not told again', () => {
    const frames = new ResumedFrames(sentSoFar(thought), true);
    expect(deltasOf(frames, [thought, { content: 'One' }])).toEqual([{ content: 'One' }]);
  });
});
