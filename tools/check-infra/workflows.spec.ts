import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azureProject } from './azure-yaml.js';
import { workflows } from './workflows.js';

const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2';
const at = (name: string) => `.github/workflows/${name}.yml`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'router-workflows-'));
  for (const path of ['.github', 'infra', 'tools/azd', 'tools/release', 'azure.yaml', 'Dockerfile'])
    cpSync(path, join(root, path), { recursive: true });
  const main = join(root, 'infra/main.bicep');
  if (!existsSync(main)) writeFileSync(main, '');
});
afterEach(() => rmSync(root, { recursive: true }));

function plant(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(join(root, file), 'utf8');
  expect(text).toMatch(from);
  writeFileSync(join(root, file), text.replace(from, to));
}
const problems = async (check = workflows) =>
  (await check.run(root)).map(({ file, line, problem }) => `${file}:${line}: ${problem}`);

describe('the workflows', () => {
  it('pass', async () => {
    expect(await workflows.run(root)).toEqual([]);
  });

  it.each<[string, string, string | RegExp, string, RegExp]>([
    [
      'a tag in place of a commit',
      'ci',
      CHECKOUT,
      'actions/checkout@v6',
      /^\.github\/workflows\/ci\.yml:20: actions\/checkout@v6 is not pinned/,
    ],
    ['a commit without its version', 'ci', ' # v6.0.2', '', /does not say which version/],
    ['rights at the top', 'ci', /^permissions: \{\}$/m, 'permissions: { contents: write }', /at the top are not least/],
    ['no rights at the top', 'ci', /^permissions: \{\}\n/m, '', /at the top are not least/],
    [
      'a job that lists none',
      'ci',
      '    permissions:\n      contents: read\n',
      '',
      /job check does not list its permissions/,
    ],
    [
      'rights that nothing needs',
      'ci',
      'contents: read',
      'contents: write',
      /job check has contents: write and runs nothing/,
    ],
    [
      'a token that nothing needs',
      'ci',
      'contents: read',
      'id-token: write',
      /job check has id-token: write and runs nothing/,
    ],
    ['a job without end', 'drift', '    timeout-minutes: 30\n', '', /job drift may hang/],
    [
      'a secret that lives long',
      'release',
      'secrets.GITHUB_TOKEN',
      'secrets.ACR_PASSWORD',
      /the secret ACR_PASSWORD lives long/,
    ],
    [
      'secrets that are handed on',
      'release',
      '    needs: image\n',
      '    needs: image\n    secrets: inherit\n',
      /job staging hands secrets on/,
    ],
    [
      "strangers' code with our rights",
      'ci',
      '  pull_request:\n',
      '  pull_request_target:\n',
      /pull_request_target runs strangers/,
    ],
    [
      'an expression in a script',
      'rollback',
      'release.mjs rollback\n',
      'release.mjs rollback --suffix ${{ inputs.suffix }}\n',
      /an expression stands in a script/,
    ],
    ['a token that stays', 'ci', 'persist-credentials: false', 'fetch-depth: 1', /the token stays in \.git/],
    ['a shell that goes on', 'drift', 'shell: bash -euo pipefail {0}', 'shell: bash', /goes on after a failure/],
    [
      'Azure without an environment',
      'rollback',
      '    environment: ${{ inputs.environment }}-rollback\n',
      '',
      /signs in to Azure without an environment/,
    ],
    ['two at once', 'drift', /    concurrency:\n.*\n.*\n/, '', /job drift may run beside another one/],
    [
      'a release that cuts another off',
      'deploy',
      'cancel-in-progress: false',
      'cancel-in-progress: true',
      /may run beside another one, or be cut off/,
    ],
    [
      'a release that the next cuts off',
      'release',
      'cancel-in-progress: false',
      'cancel-in-progress: true',
      /a second release cuts the first off/,
    ],
    ['prod beside staging', 'release', 'needs: [image, staging]', 'needs: [image]', /prod does not wait for staging/],
    [
      'a script that is not there',
      'deploy',
      'smoke.mjs --wait',
      'smoke-test.mjs --wait',
      /there is no tools\/release\/smoke-test\.mjs/,
    ],
    ['no preview', 'deploy', '        id: preview\n', '', /no step has the id preview/],
    [
      'a preview that nobody can read',
      'deploy',
      '>> "$GITHUB_STEP_SUMMARY"',
      '> /dev/null',
      /preview does something else/,
    ],
    [
      'another share than a tenth',
      'deploy',
      '--percent 10 --region first',
      '--percent 50 --region first',
      /canary does something else/,
    ],
    [
      'a region that comes with a release',
      'provision',
      '      ROUTER_DEPLOYMENT: as-is\n',
      '',
      /it would make a revision/,
    ],
    ['a region beside a release', 'provision', 'group: azure-', 'group: provision-', /it may run beside a release/],
    ['a region that nobody sees coming', 'provision', '        id: preview\n', '', /preview is not in its place/],
    ['doors that stay open', 'provision', /^ {8}id: close\n/m, '', /close is not in its place/],
    ['doors that nobody asks about', 'provision', /^.*again=.*\n/m, '', /provision does something else/],
    [
      'doors that close only after a failure',
      'provision',
      /(id: close\n\s+if: ).*/,
      '$1failure()',
      /close runs at another time/,
    ],
    ['a watch without its extension', 'deploy', '--name log-analytics', '--name logs', /the watch has no az extension/],
    [
      'a rollback that lets a wrong suffix pass',
      'rollback',
      'release.mjs rollback\n',
      'release.mjs rollback --if-there\n',
      /a wrong suffix looks like a rollback/,
    ],
    [
      'a way back that a release without revision cannot go',
      'deploy',
      'release.mjs rollback --if-there',
      'release.mjs rollback',
      /rollback does something else/,
    ],
    [
      'a rollback that waits for a reviewer',
      'rollback',
      'environment }}-rollback\n',
      'environment }}\n',
      /waits for the reviewers of a release/,
    ],
    ['a comparison that drops a release', 'drift', 'group: drift-', 'group: azure-', /take the place of a release/],
    ['a token in an argument', 'deploy', '--password @-', '--password "$GH_TOKEN"', /stands in the list of processes/],
    ['a tag that moves on', 'deploy', 'sha-${digest:0:12}', '$GITHUB_SHA', /takes the tag from the image that runs/],
    ['a canary whose weight nobody tells', 'deploy', / --weight 10/, '', /watch does something else/],
    [
      'a first region that may be idle',
      'deploy',
      /watch\.mjs --old/,
      'watch.mjs --standby-ok --old',
      /watch does something else/,
    ],
    ['a watch that is too short', 'deploy', '--minutes 15', '--minutes 1', /watch does something else/],
    [
      'a smoke test of what has the traffic',
      'deploy',
      'smoke.mjs --label "$LABEL" ',
      'smoke.mjs ',
      /smoke does something else/,
    ],
    [
      'no way back after a cancellation',
      'deploy',
      /(id: rollback\n\s+if: )\(failure\(\) \|\| cancelled\(\)\)/,
      '$1failure()',
      /rollback runs at another time/,
    ],
    ['traffic for what is not new', 'deploy', /(id: canary\n\s+)if: .*\n\s+/, '$1', /canary runs at another time/],
    ['a context that is none', 'drift', 'vars.AZURE_LOCATION', 'varz.AZURE_LOCATION', /undefined variable "varz"/],
    [
      'an unknown step',
      'deploy',
      'steps.plan.outputs.label',
      'steps.plans.outputs.label',
      /property "plans" is not defined/,
    ],
    ['a key that is none', 'ci', 'timeout-minutes', 'timeout-minuets', /unexpected key "timeout-minuets"/],
  ])('%s is found', async (_, name, from, to, problem) => {
    plant(at(name), from, to);
    expect(await problems()).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
  });

  it('traffic before its test is found', async () => {
    const text = readFileSync(join(root, at('deploy')), 'utf8');
    const [, smoke] = /( {6}- name: Smoke test on the label\n[^]*?--wait 300\n)/.exec(text)!;
    writeFileSync(
      join(root, at('deploy')),
      text.replace(smoke!, '').replace(/( {6}- name: Watch for 15)/, `${smoke}$1`),
    );
    expect((await problems()).map((one) => one.replace(/.*\d: /, ''))).toEqual(['canary comes before smoke']);
  });

  it('a workflow that is missing is found', async () => {
    rmSync(join(root, at('rollback')));
    expect(await problems()).toEqual([`${at('rollback')}:1: it is missing`]);
  });
});

describe('azure.yaml', () => {
  it('passes', async () => {
    expect(await azureProject.run(root)).toEqual([]);
  });

  it.each<[string, string | RegExp, string, RegExp]>([
    [
      'a hook that is not there',
      'tools/azd/postprovision.mjs',
      'tools/azd/after.mjs',
      /: it runs no script that is there/,
    ],
    ['a hook for one shell', /    windows: .*preprovision.*\n/, '', /hooks\.preprovision\.windows/],
    [
      'a hook that differs on Windows',
      /(shell: pwsh, run: )node tools\/azd\/preprovision/,
      '$1node tools/azd/predeploy',
      /Windows runs something else/,
    ],
    ['a deployment that nothing refuses', /  predeploy:\n.*\n.*\n/, '', /hooks\.predeploy/],
    ['azd up that moves traffic', '- azd: publish --all', '- azd: deploy', /azd up does provision, deploy, provision/],
    ['a folder that is not there', 'path: infra', 'path: infrastructure', /there is no infrastructure\/main\.bicep/],
    ['a Dockerfile that is not there', './Dockerfile', './Dockerfile.azure', /there is no Dockerfile\.azure/],
    ['an azd whose Bicep is too old', '>= 1.26.0', '>= 1.25.9', /requiredVersions\.azd/],
    ['a key that azd ignores', 'host: containerapp', 'hosts: containerapp', /services\.router/],
  ])('%s is found', async (_, from, to, problem) => {
    plant('azure.yaml', from, to);
    expect(await problems(azureProject)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
  });

  it('a file that is missing is found', async () => {
    rmSync(join(root, 'azure.yaml'));
    expect(await problems(azureProject)).toEqual(['azure.yaml:1: it is missing']);
  });
});
