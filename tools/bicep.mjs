// The Bicep compiler: the `bicep` on PATH, or the one of `az bicep`, or the NuGet package of it, restored with `dotnet` into a
// cache outside of the tree. `node tools/bicep.mjs` says which one it is; where none can be had, `npm run check:infra` says so.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, homedir, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { main, root } from './setup.mjs';

/** The version that this repository is compiled with: another one knows other warnings. */
const BICEP_VERSION = '0.49.2';
const NUGET_PLATFORMS = { linux: 'linux', darwin: 'osx', win32: 'win' };

const run = (command, args, options = {}) => spawnSync(command, args, { encoding: 'utf8', ...options });
/** @param ask the program and its arguments that print a version */
const versionSaidBy = ([program, ...args]) => {
  const { status, stdout } = run(program, args);
  return status === 0 ? (/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? null) : null;
};

/** Where what is restored is kept between runs. */
const cacheFolder = () => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hybrid-llm-router', 'bicep');

const PROJECT = (id) => `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup><PackageDownload Include="${id}" Version="[${BICEP_VERSION}]" /></ItemGroup>
</Project>
`;

/** Restores the package; the configuration of NuGet on this machine says from where. */
function restored() {
  const system = NUGET_PLATFORMS[platform()];
  const id = `Azure.Bicep.CommandLine.${system}-${arch()}`;
  const folder = cacheFolder();
  const program = join(
    folder,
    id.toLowerCase(),
    BICEP_VERSION,
    'tools',
    platform() === 'win32' ? 'bicep.exe' : 'bicep',
  );
  if (existsSync(program)) return program;
  if (system === undefined || run('dotnet', ['--version']).status !== 0) return null;
  process.stderr.write(`Fetching the Bicep compiler (NuGet package ${id} ${BICEP_VERSION}) ...\n`);
  const project = mkdtempSync(join(tmpdir(), 'router-bicep-'));
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(project, 'bicep.csproj'), PROJECT(id));
    const env = { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };
    const { status, stdout } = run('dotnet', ['restore', 'bicep.csproj', '--packages', folder], { cwd: project, env });
    if (status !== 0) process.stderr.write(`It could not be fetched:\n${stdout}`);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
  return existsSync(program) ? program : null;
}

/**
 * The command that compiles Bicep, as program and first arguments; `null` where none can be had. A `bicep` of another version
 * than the pinned one is taken only when the pinned one cannot be restored.
 *
 * @returns {{command: string[], version: string} | null}
 */
function findBicep() {
  const onPath = [
    { command: ['bicep'], version: versionSaidBy(['bicep', '--version']) },
    { command: ['az', 'bicep'], version: versionSaidBy(['az', 'bicep', 'version']) },
  ].filter(({ version }) => version !== null);
  const pinned = onPath.find(({ version }) => version === BICEP_VERSION);
  if (pinned !== undefined) return pinned;
  const program = restored();
  return program === null ? (onPath[0] ?? null) : { command: [program], version: BICEP_VERSION };
}

// With --json: `{"command":[...],"version"}`, or `null`.
if (process.argv[1] === join(root, 'tools', 'bicep.mjs'))
  await main(() => {
    const found = findBicep();
    if (process.argv.includes('--json')) return console.log(JSON.stringify(found));
    console.log(
      found === null
        ? `There is no Bicep compiler here. Install bicep ${BICEP_VERSION}, the Azure CLI (az bicep install) or the .NET SDK.`
        : `bicep ${found.version}: ${found.command.join(' ')}`,
    );
  });
