import { describe, expect, it } from '@jest/globals';
import { completedChat } from '../completed-event.fixture.js';
import { rangeOf, usageQuery } from './usage-query.js';
import { UsageReport } from './usage-report.js';
import { nanoUsd, NO_COUNTS, spendingOf, usageOf, type UsageRow } from './usage-row.js';

const NOW = Date.UTC(2026, 10, 27, 12);
const row = (changes: Partial<UsageRow> = {}): UsageRow => ({
  ...{ day: '2026-11-05', tenant: 'acme', user: 'alice', model: 'auto', target: 'cloud' },
  ...NO_COUNTS,
  requests: 1,
  ...changes,
});

describe('spendingOf', () => {
  it.each(['answered', 'cut', 'aborted', 'failed'] as const)('counts what an %s request used', (outcome) => {
    expect(spendingOf(completedChat({ outcome }))).toEqual({ prompt_tokens: 10, completion_tokens: 20, cost_usd: 0.5 });
  });

  it('counts nothing for what is unknown, or was made for somebody else', () => {
    const nothing = { prompt_tokens: 0, completion_tokens: 0, cost_usd: 0 };
    const unknown = { prompt_tokens: null, completion_tokens: null, total_tokens: null };
    expect(spendingOf(completedChat({ pays: false }))).toEqual(nothing);
    expect(spendingOf(completedChat({ usage: unknown, costUsd: null }))).toEqual(nothing);
    expect(spendingOf(completedChat({ usage: null, costUsd: null }))).toEqual(nothing);
  });
});

describe('usageOf', () => {
  const of = (changes: Parameters<typeof completedChat>[0] = {}) => {
    const chat = completedChat(changes);
    return usageOf(chat, NOW, 'auto', spendingOf(chat));
  };

  it('has the day on which the request ended, and what it cost to the billionth', () => {
    expect(of({ costUsd: 0.1 + 0.2 })).toMatchObject({ day: '2026-11-27', target: 'cloud', costNanoUsd: 300_000_000 });
    expect(of({ route: null, usage: null, costUsd: null })).toMatchObject({ target: 'none', unpricedRequests: 0 });
  });

  it('tells that a cost is not known', () => {
    expect(of({ costUsd: null })).toMatchObject({ costNanoUsd: 0, unpricedRequests: 1 });
    expect(of({ costUsd: 0 })).toMatchObject({ costNanoUsd: 0, unpricedRequests: 0 });
    expect(of({ costUsd: null, pays: false })).toMatchObject({ unpricedRequests: 0 });
  });

  it.each([
    [3, 3],
    [-1, 0],
    [0.5, 0],
    ['7', 0],
    [null, 0],
  ])('cached tokens %j count as %d', (cached, counted) => {
    const usage = { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 };
    expect(of({ usage: { ...usage, prompt_tokens_details: { cached_tokens: cached } } }).cachedTokens).toBe(counted);
    expect(of({ usage: { ...usage, prompt_tokens_details: null } }).cachedTokens).toBe(0);
  });

  it.each([NaN, -1, 0, -Infinity])('%d USD is nothing', (usd) => expect(nanoUsd(usd)).toBe(0));
});

describe('the query of a report', () => {
  const rangeIn = (query: Record<string, unknown>) => rangeOf(usageQuery.parse(query), NOW);
  const refused = (query: Record<string, unknown>) => usageQuery.safeParse(query).error?.issues[0];

  it('is the current month by tenant, left out', () => {
    expect(rangeIn({})).toEqual({ from: '2026-11-01', to: '2026-11-27' });
    expect(usageQuery.parse({})).toMatchObject({ by: ['tenant'], format: 'json' });
  });

  it.each([
    [{ from: '2026-10-03' }, '2026-10-03', '2026-11-27'],
    [{ to: '2026-02-10' }, '2026-02-01', '2026-02-10'],
    [{ from: '2026-10-03T23:59:59Z', to: '2026-10-04T00:00:00.000Z' }, '2026-10-03', '2026-10-04'],
    [{ from: '2026-10-03T23:30:00-02:00', to: '2026-10-04' }, '2026-10-04', '2026-10-04'],
    [{ from: '2025-10-24', to: '2026-11-27' }, '2025-10-24', '2026-11-27'],
  ])('%j is from %s to %s', (query, from, to) => expect(rangeIn(query)).toEqual({ from, to }));

  it.each([
    [{ from: '2026-11-28' }, 'from'],
    [{ from: '2026-11-05', to: '2026-11-04' }, 'to'],
    [{ from: '2025-10-23', to: '2026-11-27' }, 'from'],
  ])('%j names %s', (query, param) => expect(rangeIn(query)).toMatchObject({ param }));

  it.each([
    '',
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '2026-11-1',
    '20261101',
    '2026-11-01T00:00:00',
    '+012026-11-01',
  ])('refuses %j as a day', (from) =>
    expect(refused({ from })).toMatchObject({ path: ['from'], message: expect.stringContaining('2026-11-01') }),
  );

  it.each(['', 'day,', 'day,day', 'tokens', '__proto__', 'Day'])('refuses to tell apart by %j', (by) =>
    expect(refused({ by })).toMatchObject({ path: ['by'], message: expect.stringContaining('day, tenant') }),
  );

  it('ends before the years that are written in another form, whatever the offset, and knows no other parameter', () => {
    for (const to of ['9999-12-31', '9999-01-01', '9998-12-31T23:59:59-23:00']) {
      expect(refused({ to })).toMatchObject({ path: ['to'] });
    }
    expect(rangeIn({ from: '9998-12-01', to: '9998-12-31' })).toEqual({ from: '9998-12-01', to: '9998-12-31' });
    expect(refused({ foo: '1' })).toMatchObject({ code: 'unrecognized_keys', keys: ['foo'] });
  });

  it('takes every way to write a list', () => {
    expect(usageQuery.parse({ by: 'target, day' }).by).toEqual(['target', 'day']);
  });
});

describe('UsageReport', () => {
  it('adds up by what it is asked for, in one order, and in all', () => {
    const report = new UsageReport(['user', 'day']);
    for (const user of ['bob', 'alice', 'bob']) report.add(row({ user, costNanoUsd: 100_000_001 }));
    report.add(row({ user: 'bob', day: '2026-11-04', model: 'gpt' }));
    const sums = report.lines.map(({ day, user, requests, cost_usd: cost }) => [day, user, requests, cost]);
    expect(sums).toEqual([
      ['2026-11-04', 'bob', 1, 0],
      ['2026-11-05', 'alice', 1, 0.100000001],
      ['2026-11-05', 'bob', 2, 0.200000002],
    ]);
    expect(report.lines[0]).not.toHaveProperty('tenant');
    expect(report.total).toMatchObject({ requests: 4, cost_usd: 0.300000003 });
  });

  it('a sum of many amounts is exact', () => {
    const report = new UsageReport(['tenant']);
    for (let n = 0; n < 100_000; n += 1) report.add(row({ costNanoUsd: nanoUsd(0.1) }));
    expect(report.total.cost_usd).toBe(10_000);
  });

  it('writes a file that programs read, and that no spreadsheet runs', () => {
    const report = new UsageReport(['user', 'model']);
    const users = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', 'a,b', 'say "hi"', 'two\nlines', 'plain', '="x",1'];
    for (const user of users) report.add(row({ user, costNanoUsd: 150, savedNanoUsd: 2_500_000_000 }));
    const { csv } = report;
    expect(csv.slice(0, csv.indexOf('\r\n'))).toBe(
      'user,model,requests,prompt_tokens,completion_tokens,cached_tokens,cost_usd,saved_usd,unpriced_requests',
    );
    const counts = ',auto,1,0,0,0,0.00000015,2.5,0\r\n';
    for (const cell of ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", '"a,b"', '"say ""hi"""', '"two\nlines"', 'plain']) {
      expect(csv).toContain(`\r\n${cell}${counts}`);
    }
    expect(csv).toContain(`"'=""x"",1"${counts}`);
    expect(csv.endsWith('\r\n')).toBe(true);
  });

  it('says when there are too many lines', () => {
    const report = new UsageReport(['user']);
    for (let n = 0; n < 100_000; n += 1) report.add(row({ user: `u${n}` }));
    expect(report.add(row({ user: 'one more' }))).toBe(false);
    expect(report.add(row({ user: 'u7' }))).toBe(true);
  });
});
