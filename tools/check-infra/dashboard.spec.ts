import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dashboards } from './dashboard.js';
import { readPromql } from './promql.js';
import { workbook, WORKBOOK } from './workbook.js';

const DASHBOARD = 'infra/dashboards/router.json';

describe('dashboard and workbook', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-dashboard-'));
    cpSync('infra', join(root, 'infra'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const plant = (file: string, from: string, to: string) => {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(root, file), text.replace(from, to));
    return text.slice(0, text.indexOf(from)).split('\n').length;
  };

  it.each([dashboards, workbook])('pass: $name', async ({ run }) => {
    expect(await run('.')).toEqual([]);
  });

  it.each([
    ['a query that does not parse', 'sum by (status) (rate(', 'sum by (status) rate(('],
    [
      'a variable that there is not',
      'sum by (status) (rate(router_requests_total{job=\\"$job\\"',
      'sum by (status) (rate(router_requests_total{job=\\"$fleet\\"',
    ],
    ['another schema', '"schemaVersion": 42', '"schemaVersion": 16'],
    ['two panels with one id', '"id": 3,', '"id": 2,'],
    ['a panel without a unit', '"unit": "reqps"', '"note": "reqps"'],
    ['no JSON', '"panels": [', '"panels": [,'],
  ])('of the dashboard: %s is found', async (_, from, to) => {
    plant(DASHBOARD, from, to);
    expect(await dashboards.run(root)).toEqual([
      expect.objectContaining({ file: DASHBOARD, line: expect.any(Number), cure: expect.any(String) }),
    ]);
  });

  it('the line of a query that is wrong is told', async () => {
    const line = plant(DASHBOARD, 'sum by (status) (rate(', 'sum by (status) rate((');
    expect(await dashboards.run(root)).toEqual([expect.objectContaining({ line })]);
  });

  it.each([
    ['a column that there is not', 'tostring(Properties.status)', 'tostring(Status)'],
    ['two items of one name', '"name": "Hit rate"', '"name": "Error rate"'],
    ['no JSON', '"items": [', '"items": [,'],
  ])('of the workbook: %s is found', async (_, from, to) => {
    plant(WORKBOOK, from, to);
    const [finding, ...rest] = await workbook.run(root);
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ file: WORKBOOK, line: expect.any(Number) });
  });
});

describe('what a query names', () => {
  it('is its metrics, and labels with the metrics that are to have them', () => {
    expect(readPromql('sum by (tier) (a{x="1",y=~"2"} * on (job) group_left (z) rate(b_total[5m]))')).toEqual({
      errorAt: null,
      metrics: ['a', 'b_total'],
      uses: [
        { labels: ['x', 'y'], metrics: ['a'] },
        { labels: ['tier'], metrics: ['a', 'b_total'] },
        { labels: ['job', 'z'], metrics: ['a', 'b_total'] },
      ],
    });
  });

  it.each(['sum by (a) rate(x[5m])', 'rate(x[5m]', 'x{a=1}', 'x +'])('is not read of %s', (query) => {
    expect(readPromql(query).errorAt).not.toBeNull();
  });
});
