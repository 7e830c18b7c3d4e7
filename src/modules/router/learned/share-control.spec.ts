import { ShareControl, type ShareOf } from './share-control.js';

const of = (share: number, changes: Partial<ShareOf> = {}): ShareOf => ({
  ...{ tenant: 'acme', model: 'auto', strategy: 'hybrid', share },
  ...changes,
});

/** A repeatable sequence of numbers from 0 to 1 (Weyl). */
const spread = (i: number) => (i * 0.618_033_988_75) % 1;

function realised(share: number, scoreOf: (i: number) => number, n = 1000): number {
  const control = new ShareControl();
  let strong = 0;
  for (let i = 0; i < n; i += 1) {
    const isStrong = scoreOf(i) >= control.thresholdOf(of(share));
    control.record(of(share), scoreOf(i), isStrong);
    if (isStrong) strong += 1;
  }
  return strong / n;
}

describe('ShareControl', () => {
  const traffic: [string, (i: number) => number][] = [
    ['as calibrated', spread],
    ['much easier', (i) => spread(i) * 0.3],
    ['much harder', (i) => 0.8 + spread(i) * 0.2],
    ['always the same prompt', () => 0.37],
    ['drifting', (i) => Math.min(1, i / 1500 + spread(i) * 0.3)],
    ['of two kinds', (i) => (spread(i) < 0.5 ? 0.05 : 0.95)],
  ];
  it.each(
    traffic.flatMap(([name, scoreOf]) => [0, 0.05, 0.4, 0.75, 1].map((share) => [name, share, scoreOf] as const)),
  )('traffic %s, share %d: within 2 points', (_name, share, scoreOf) =>
    expect(Math.abs(realised(share, scoreOf) - share)).toBeLessThan(0.02),
  );

  it('keeps tenants, model names and strategies apart and begins anew when the share is changed', () => {
    const control = new ShareControl();
    for (let i = 0; i < 50; i += 1) control.record(of(0.4), 0.9, true);
    expect(control.thresholdOf(of(0.4))).toBeGreaterThan(0.9);
    const others: Partial<ShareOf>[] = [{ model: 'other' }, { tenant: 'beta' }, { strategy: 'learned' }];
    for (const other of others) expect(control.thresholdOf(of(0.4, other))).toBeCloseTo(0.6);
    expect(control.thresholdOf(of(0.2))).toBeCloseTo(0.8);
  });

  it('stays with the calibration until enough was seen', () => {
    const control = new ShareControl();
    for (let i = 0; i < 23; i += 1) control.record(of(0.4), 0.01, false);
    expect(control.thresholdOf(of(0.4))).toBe(0.6);
    control.record(of(0.4), 0.01, false);
    expect(control.thresholdOf(of(0.4))).toBeLessThan(0.6);
  });

  it('remembers at most a thousand shares, the latest used', () => {
    const control = new ShareControl();
    const seen = (tenant: string) => control.thresholdOf(of(0.4, { tenant })) !== 0.6;
    const use = (tenant: string) => {
      for (let i = 0; i < 30; i += 1) control.record(of(0.4, { tenant }), 0.9, true);
    };
    use('first');
    use('second');
    for (let i = 0; i < 998; i += 1) use(`tenant ${i}`);
    use('first');
    use('one more');
    expect([seen('first'), seen('second'), seen('tenant 997')]).toEqual([true, false, true]);
  });
});
