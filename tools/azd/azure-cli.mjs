// The Azure CLI as the hooks and the release use it: arguments in, what it printed out. Plain JavaScript without packages,
// for Node 18 and later: azd runs the hooks in a fresh clone, before anything is installed.
import { spawn } from 'node:child_process';

/** Nothing is done, for a reason that a person can mend; the message is all they need. */
export class Refusal extends Error {}

const windows = process.platform === 'win32';
const SIGNED_OUT = /az login|AADSTS\d+|No subscription found|not logged in|refresh token/i;
const NOT_FOUND =
  /\((ResourceNotFound|ResourceGroupNotFound|NotFound)\)|was not found|could not be found|does not exist/i;
/** `az` tells what went wrong in one line, and then at length. */
const REASON = /^ERROR: (.+)$/m;
const LONGEST_REASON = 300;
const MISSING = {
  az: 'The Azure CLI (az) is not on this machine: install it (https://aka.ms/azure-cli) and run `az login`.',
  azd: 'The Azure Developer CLI (azd) is not on this machine: install it (https://aka.ms/install-azd).',
};

/** Runs a program to its end. @returns exit code and what it printed; 127 where it cannot be started */
export function runProgram(command, args) {
  return new Promise((settle) => {
    // az and azd are batch files on Windows, which only its shell starts.
    const child = spawn(command, windows ? args.map((arg) => `"${arg}"`) : args, { shell: windows });
    const out = [];
    const err = [];
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    const end = (code) =>
      settle({ code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') });
    child.once('error', () => end(127));
    child.once('close', (code) => end(code ?? 1));
  });
}

function reasonOf(stderr) {
  const line = REASON.exec(stderr)?.[1] ?? stderr.trim().split('\n')[0] ?? '';
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}...` : line;
}

export class AzureCli {
  constructor(run = runProgram) {
    this.run = run;
  }

  /** What a command prints as JSON; `null` where what it asks for is not there. @throws Refusal */
  async find(...args) {
    const { code, stdout, stderr } = await this.run('az', [...args, '-o', 'json', '--only-show-errors']);
    if (code === 0) return parsed(stdout, args);
    if (NOT_FOUND.test(stderr) && !SIGNED_OUT.test(stderr)) return null;
    throw this.refusal('az', code, stderr, args);
  }

  /** What a command prints as JSON. @throws Refusal where it fails */
  async json(...args) {
    const found = await this.find(...args);
    if (found === null)
      throw new Refusal(`\`az ${shown(args)}\` found nothing: is AZURE_ENV_NAME that of this deployment?`);
    return found;
  }

  /** Keeps values in the azd environment, where the parameter file finds them. */
  async keep(values) {
    for (const [name, value] of Object.entries(values)) {
      const { code, stderr } = await this.run('azd', ['env', 'set', name, value, '--no-prompt']);
      if (code !== 0) throw this.refusal('azd', code, stderr, ['env', 'set', name]);
    }
  }

  refusal(command, code, stderr, args) {
    if (code === 127) return new Refusal(MISSING[command]);
    if (SIGNED_OUT.test(stderr))
      return new Refusal(`${command} is not signed in: run \`${command === 'az' ? 'az login' : 'azd auth login'}\`.`);
    return new Refusal(`\`${command} ${shown(args)}\` failed: ${reasonOf(stderr) || `exit code ${code}`}`);
  }
}

/** The command without its values: enough to find it. */
const shown = (args) => args.slice(0, args.findIndex((arg) => arg.startsWith('-')) >>> 0).join(' ');

function parsed(stdout, args) {
  if (stdout.trim() === '') return {};
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Refusal(`\`az ${shown(args)}\` printed something else than JSON: update the Azure CLI (\`az upgrade\`).`);
  }
}

/** Runs a hook or a command of the release: one sentence and exit code 1 where it cannot be done, never a stack. */
export async function told(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
