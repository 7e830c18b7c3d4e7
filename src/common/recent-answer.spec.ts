import { RecentAnswer } from './recent-answer.js';

describe('a recent answer', () => {
  let now = 0;
  let asked: PromiseWithResolvers<number>[] = [];
  const recent = () =>
    new RecentAnswer(
      () => {
        const question = Promise.withResolvers<number>();
        asked.push(question);
        return question.promise;
      },
      undefined,
      () => now,
    );
  beforeEach(() => {
    now = 5;
    asked = [];
  });

  it('is shared while the question is under way, however long that takes', async () => {
    const answer = recent();
    const first = answer.get();
    now += 9_999;
    const second = answer.get();
    asked[0]!.resolve(1);
    expect([await first, await second, asked.length]).toEqual([1, 1, 1]);
  });

  it('holds for its time from the moment it was asked for, a failure too', async () => {
    const answer = recent();
    const first = answer.get();
    asked[0]!.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    now += 999;
    await expect(answer.get()).rejects.toThrow('away');
    now += 1;
    const next = answer.get();
    asked[1]!.resolve(2);
    expect([await next, asked.length]).toEqual([2, 2]);
  });
});
