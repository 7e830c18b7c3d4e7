import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kqlAlerts } from './kql-alerts.js';

const FILE = 'infra/alerts/RouterErrorRateHigh.kql';

describe('the alerts for Azure Monitor', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-kql-'));
    cpSync('infra/alerts', join(root, 'infra/alerts'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('pass', async () => {
    expect(await kqlAlerts.run('.')).toEqual([]);
  });

  it.each([
    ['a column that the table has not', 'Properties.status', 'Propertys.status', 6],
    ['a table that there is not', 'AppMetrics', 'customMetrics', 4],
    ['a function that there is not', 'sumif(', 'sumWhere(', 8],
    ['a comparison of a number and a text', 'Served > 30', 'Served > "thirty"', 9],
    ['a string without its end', '"aborted"', '"aborted', 7],
    ['another severity', 'severity: critical', 'severity: info', 2],
    ['a window that Azure has not', 'window: PT5M', 'window: 5m', 2],
  ])('%s is found at its line', async (_, from, to, line) => {
    const text = readFileSync(join(root, FILE), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(root, FILE), text.replace(from, to));
    const findings = await kqlAlerts.run(root);
    expect(findings[0]).toMatchObject({ file: FILE, line });
  });

  it('an alert without a query, and a query without an alert, are found', async () => {
    rmSync(join(root, FILE));
    writeFileSync(join(root, 'infra/alerts/RouterOther.kql'), 'AppMetrics | count\n');
    expect((await kqlAlerts.run(root)).map(({ problem }) => problem)).toEqual([
      'no Prometheus alert RouterOther',
      'RouterErrorRateHigh: there is no query for Azure Monitor',
    ]);
  });
});
