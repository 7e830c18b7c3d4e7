import { FailedSignIns, networkOf } from './failed-sign-ins.js';

describe('failed sign-ins', () => {
  it('are free thirty times a minute, and counted by address', () => {
    const failed = new FailedSignIns();
    const waits = Array.from({ length: 31 }, (_, i) => failed.add('192.0.2.1', i * 1000));
    expect(waits.slice(0, 30).every((wait) => wait === 0)).toBe(true);
    expect(waits[30]).toBe(30);
    expect(failed.add('192.0.2.2', 31_000)).toBe(0);
    expect([failed.add('192.0.2.1', 59_000), failed.add('192.0.2.1', 60_000)]).toEqual([1, 0]);
  });

  it('take bounded room, however many addresses there are', () => {
    const failed = new FailedSignIns(100);
    for (let i = 0; i < 10_000; i++) failed.add(`192.0.${i >> 8}.${i & 255}`, i / 1000);
    expect((failed as unknown as { byAddress: Map<string, unknown> }).byAddress.size).toBe(100);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('of %s are those of %s', (address, network) => expect(networkOf(address)).toBe(network));
});
