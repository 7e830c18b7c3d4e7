import { asMarkdown, asText, isMet, type Row } from './report.js';

const rows: Row[] = [
  { what: 'plain', value: 0.4951, unit: 'x', target: { at: 'least', value: 0.5 }, detail: '1 against 2' },
  { what: 'RSS', value: 120.4, unit: 'MB', target: { at: 'most', value: 180 }, detail: 'a | b' },
  { what: 'speed', value: 10, unit: '/s', target: null, detail: '' },
];

describe('report', () => {
  it('compares with the exact value, not the rounded one', () => {
    expect(rows.map(isMet)).toEqual([false, true, true]);
  });

  it('a measurement that gave no number has not met its target', () => {
    expect(isMet({ ...(rows[1] as Row), value: NaN })).toBe(false);
  });

  it('prints a table', () => {
    expect(asText(rows).split('\n')).toEqual([
      'what   measured  target     met  figures',
      '-----  --------  ---------  ---  -----------',
      'plain  0.50x     >= 0.50x   NO   1 against 2',
      'RSS    120 MB    <= 180 MB  yes  a | b',
      'speed  10/s      -          -',
    ]);
  });

  it('prints it as Markdown', () => {
    const lines = asMarkdown(rows).split('\n');
    expect(lines[1]).toBe('| --- | --- | --- | --- | --- |');
    expect(lines[3]).toBe('| RSS | 120 MB | <= 180 MB | yes | a \\| b |');
  });
});
