import { asMarkdown, asText, isMet, type Row } from './report.js';

const atLeast = null;
const rows: Row[] = [
  { what: 'plain', value: 0.4951, unit: 'x', atLeast, target: { at: 'least', value: 0.5 }, detail: '1 against 2' },
  {
    what: 'RSS',
    value: 160.4,
    unit: 'MB',
    atLeast: { at: 'most', value: 150 },
    target: { at: 'most', value: 180 },
    detail: 'a | b',
  },
  { what: 'chunk', value: 10, unit: 'us', atLeast, target: null, detail: '' },
];
const skipped: Row = { ...rows[1]!, value: NaN, skipped: 'no redis-server' };

describe('report', () => {
  it('compares with the exact value, not the rounded one', () => {
    expect(isMet(rows[0]!)).toBe(false);
    expect(isMet({ ...rows[0]!, value: 0.5 })).toBe(true);
  });

  it('a row is met when nothing that is asked of it is missed', () => {
    expect(rows.map(isMet)).toEqual([false, false, true]);
    expect(isMet({ ...rows[1]!, value: 150 })).toBe(true);
    expect(isMet({ ...rows[1]!, value: 190, atLeast: null })).toBe(false);
  });

  it('a measurement that gave no number has met nothing, one that was not made has missed nothing', () => {
    expect(isMet({ ...rows[1]!, value: NaN })).toBe(false);
    expect(isMet(skipped)).toBe(true);
  });

  it('prints a table', () => {
    expect(asText([...rows, skipped]).split('\n')).toEqual([
      'what   measured  at least   met  section 9  met  figures',
      '-----  --------  ---------  ---  ---------  ---  ---------------',
      'plain  0.50x     -          -    >= 0.50x   NO   1 against 2',
      'RSS    160 MB    <= 150 MB  NO   <= 180 MB  yes  a | b',
      'chunk  10.0 us   -          -    -          -',
      'RSS    skipped   <= 150 MB  -    <= 180 MB  -    no redis-server',
    ]);
  });

  it('prints it as Markdown', () => {
    const lines = asMarkdown(rows).split('\n');
    expect(lines[1]).toBe('| --- | --- | --- | --- | --- | --- | --- |');
    expect(lines[3]).toBe('| RSS | 160 MB | <= 150 MB | NO | <= 180 MB | yes | a \\| b |');
  });
});
