import { auditVerdict, type Allowed } from './audit.js';

const TODAY = '2026-11-27';
/** As npm 11 prints it for an advisory in a package, and one that it brings into another. */
const advisory = (id: string, name: string, severity = 'high') => ({
  source: 1098094,
  name,
  dependency: name,
  title: `A flaw of ${name}`,
  url: `https://github.com/advisories/${id}`,
  severity,
  cwe: ['CWE-1333'],
  cvss: { score: 7.5, vectorString: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' },
  range: '<1.2.3',
});
const vulnerable = (name: string, via: unknown[]) => ({
  ...{ name, severity: 'high', isDirect: false, via, effects: [], range: '<1.2.3' },
  ...{ nodes: [`node_modules/${name}`], fixAvailable: true },
});
function reportOf(vulnerabilities: Record<string, unknown>, total = Object.keys(vulnerabilities).length): string {
  const counts = { info: 0, low: 0, moderate: 0, high: total, critical: 0, total };
  const dependencies = { prod: 235, dev: 900, optional: 50, peer: 0, peerOptional: 0, total: 1135 };
  return JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities,
    metadata: { vulnerabilities: counts, dependencies },
  });
}
const CLEAN = reportOf({});
const ONE = reportOf({
  ws: vulnerable('ws', [advisory('GHSA-3h5v-q93c-6h6q', 'ws')]),
  engine: vulnerable('engine', ['ws']), // brought in by it
});
const ALLOWED: Allowed = {
  id: 'GHSA-3h5v-q93c-6h6q',
  package: 'ws',
  until: '2026-12-31',
  reason: 'no WebSocket is served',
};
const verdict = (output: string, allowed: unknown = [], isRequired = false) =>
  auditVerdict(output, allowed, TODAY, isRequired);

describe('known vulnerabilities of production dependencies', () => {
  it('pass where there are none', () => {
    expect(verdict(CLEAN)).toEqual({
      passed: true,
      lines: ['235 production dependencies: 0 open advisories, 0 allowed'],
    });
  });

  it('fail with package, severity and id, once each', () => {
    const { passed, lines } = verdict(ONE);
    expect(passed).toBe(false);
    expect(lines).toEqual([
      '235 production dependencies: 1 open advisories, 0 allowed',
      'ws: high, GHSA-3h5v-q93c-6h6q: A flaw of ws',
    ]);
    expect(verdict(reportOf({ ws: vulnerable('ws', [advisory('GHSA-3h5v-q93c-6h6q', 'ws', 'low')]) })).passed).toBe(
      false,
    );
  });

  it('pass where an entry allows them, of that package and that id alone', () => {
    expect(verdict(ONE, [ALLOWED])).toEqual({
      passed: true,
      lines: ['235 production dependencies: 0 open advisories, 1 allowed'],
    });
    expect(verdict(ONE, [{ ...ALLOWED, package: 'other' }]).passed).toBe(false);
    expect(verdict(ONE, [{ ...ALLOWED, id: 'GHSA-aaaa-bbbb-cccc' }]).passed).toBe(false);
  });

  it('fail with an entry whose day is over, whether or not the registry answers', () => {
    for (const output of [ONE, CLEAN, '']) {
      const { passed, lines } = verdict(output, [{ ...ALLOWED, until: '2026-11-26' }]);
      expect(passed).toBe(false);
      expect(lines).toContain('tools/audit-allow.json: GHSA-3h5v-q93c-6h6q of ws was allowed until 2026-11-26');
    }
    expect(verdict(ONE, [{ ...ALLOWED, until: TODAY }]).passed).toBe(true); // its last day
  });

  it.each([
    ...['', 'soon', '2026-13-01', '2026-02-30', '27.11.2026', undefined].map((until) => ({ ...ALLOWED, until })),
    ...[{ ...ALLOWED, id: 'CVE-2026-1' }, { ...ALLOWED, reason: ' ' }, { ...ALLOWED, package: '' }, null, 'GHSA'],
  ])('fail with an entry that is not whole: %j', (entry) => {
    expect(verdict(CLEAN, [entry])).toMatchObject({ passed: false });
  });

  it('fail with a list that is none', () => expect(verdict(CLEAN, {}).passed).toBe(false));

  it('tell of an entry that is no longer needed', () => {
    const { passed, lines } = verdict(CLEAN, [ALLOWED]);
    expect([passed, lines[1]]).toEqual([true, expect.stringContaining('GHSA-3h5v-q93c-6h6q of ws is gone')]);
  });

  it.each([
    [
      '405',
      '{"message":"405 Method Not Allowed - POST https://r/-/npm/v1/security/advisories/bulk","statusCode":405,"error":{"summary":"","detail":""}}',
    ],
    ['404', '{"message":"404 Not Found","method":"POST","statusCode":404,"error":{"summary":"","detail":""}}'],
    [
      'no network',
      '{"message":"request to https://r/-/npm/v1/security/audits/quick failed, reason: getaddrinfo EAI_AGAIN r","error":{"summary":"","detail":""}}',
    ],
    [
      'no lock file',
      '{"error":{"code":"ENOLOCK","summary":"This command requires an existing lockfile.","detail":""}}',
    ],
    ['too slow', ''],
    ['no JSON', '<html>proxy</html>'],
    ['another form', '{"actions":[],"advisories":{},"metadata":{"vulnerabilities":{"high":1}}}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no metadata', '{"auditReportVersion":2,"vulnerabilities":{}}'],
    ['nothing looked at', reportOf({}).replace('"prod":235', '"prod":0')],
    ['a report with an error', `${CLEAN.slice(0, -1)},"message":"503","error":{"code":"E503"}}`],
    ['a report with an empty error', `${CLEAN.slice(0, -1)},"error":{"summary":"","detail":""}}`],
  ])('are said not to be checked where the registry does not tell: %s', (_, output) => {
    const { passed, lines } = verdict(output);
    expect([passed, lines.length]).toEqual([true, 1]);
    expect(lines[0]).toMatch(/^NOT CHECKED for known vulnerabilities: \S/);
    expect(verdict(output, [], true).passed).toBe(false); // as a release wants it
  });

  it('fail where they are named, whatever else the report lacks', () => {
    expect(verdict(ONE.replace('"prod":235', '"prod":0')).passed).toBe(false);
    expect(verdict(`${ONE.slice(0, -1)},"error":{"code":"E503"}}`).passed).toBe(false);
  });

  it('never pass by numbers without names', () => {
    const { passed, lines } = verdict(reportOf({ ws: vulnerable('ws', ['ws']) }));
    expect([passed, lines[1]]).toEqual([false, expect.stringContaining('does not name')]);
    expect(verdict(reportOf({}, 3)).passed).toBe(false);
  });
});
