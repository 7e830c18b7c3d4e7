import { spawn } from 'node:child_process';
import { addAbortSignal } from 'node:stream';
import type { Environment } from '../../../common/config/config-text.js';
import { isLoopbackUrl } from '../../../common/loopback.js';
import { chatModels, foundModel, type LocalServer } from './found-model.js';
import { listIn, objectsIn } from './probe-json.js';

/** `foundry server` is the word since CLI 0.10, `foundry service` was it before. */
const STATUS_COMMANDS = [
  ['server', 'status'],
  ['service', 'status'],
] as const;
const MAX_OUTPUT = 64 * 1024;
/** Rounds of the search from one run of the command to the next. */
const COMMAND_EVERY = 6;

/**
 * Foundry Local listens on a port of its own choice, which its status command prints ("... is running on
 * http://127.0.0.1:5273/openai/status", "Web URLs http://127.0.0.1:52364"). Only a loopback address is believed. The
 * command is a program to start, so it is run again only when the address is not known, and not in every round.
 *
 * @see https://learn.microsoft.com/azure/foundry-local/reference/reference-cli
 */
export class FoundryLocalAddress {
  private origin: string | null = null;
  private rounds = 0;

  /** @param command name or path of the executable */
  constructor(
    private readonly command: string,
    private readonly env: Environment,
  ) {}

  /** Where it listens, as far as that is known. @param statusMs milliseconds the command may take */
  async find(statusMs: number): Promise<string | null> {
    const isDue = this.rounds % COMMAND_EVERY === 0;
    this.rounds += 1;
    if (this.origin === null && isDue) {
      const printed = await Promise.all(STATUS_COMMANDS.map((args) => this.printedBy(args, statusMs)));
      this.origin = printed.find((found) => found !== null) ?? null;
    }
    return this.origin;
  }

  /** Somebody else is there now, or nobody: the next round runs the command. */
  forget(): void {
    [this.origin, this.rounds] = [null, 0];
  }

  /**
   * Runs a status command without a shell and resolves with the first loopback address it prints; `null` when there is no
   * such program, it prints none, or time is up. It does not wait for the end of the output: a daemon that the command
   * started may hold the pipe open.
   */
  private async printedBy(args: readonly string[], statusMs: number): Promise<string | null> {
    const child = spawn(this.command, args, { env: this.env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    child.on('error', () => undefined); // no such program: it prints nothing
    const printed = addAbortSignal(AbortSignal.timeout(statusMs), child.stdout.setEncoding('utf8'));
    let output = '';
    try {
      for await (const text of printed as AsyncIterable<string>) {
        output += text;
        const origin = originIn(output);
        if (origin || output.length > MAX_OUTPUT) return origin;
      }
    } catch {
      // cut off by the deadline or by its end: what was printed until then counts
    } finally {
      child.kill('SIGKILL');
    }
    return originIn(`${output}\n`);
  }
}

export const FOUNDRY_LOCAL: LocalServer = {
  kind: 'foundry',
  label: 'Foundry Local',
  async models(ask) {
    const { json } = await ask('/v1/models');
    if (!listIn(json, 'data')) return null;
    return chatModels(objectsIn(json, 'data'), 'id').map((entry) =>
      foundModel(String(entry['id']), {
        windows: [Number(entry['maxInputTokens']) + Number(entry['maxOutputTokens'])],
        can: { tools: entry['toolCalling'] === true, vision: entry['vision'] === true },
      }),
    );
  },
  hint: (models) => (models.length > 0 ? undefined : 'It has loaded no chat model yet: foundry model load phi-4-mini'),
};

/** A URL counts once something follows it: its end may not have been printed yet. */
function originIn(output: string): string | null {
  for (const [, text = ''] of output.matchAll(/(https?:\/\/[^\s,;]+)[\s,;]/g)) {
    const url = URL.parse(text);
    if (url && isLoopbackUrl(url)) return url.origin;
  }
  return null;
}
