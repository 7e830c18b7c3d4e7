import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Read<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/** What was asked for cannot be done; the message names it and the cure. */
export class UsageError extends Error {}

/** The command line is right, and what it is about is not there: told without the usage. */
export class NotThere extends UsageError {}

/** The options of this command line. @throws UsageError that names the wrong one */
export function readOptions<const O extends Options>(options: O, args: string[] = process.argv.slice(2)): Read<O> {
  try {
    return parseArgs({ options, args }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/**
 * Runs a command of this repository. `--help` prints its usage; what was asked for wrongly is told with it, exit code 2.
 *
 * @param work resolves to the exit code; nothing = 0
 */
export async function runCommand(usage: string, work: () => void | number | Promise<void | number>): Promise<void> {
  if (process.argv.slice(2).includes('--help')) return console.log(usage);
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    const problem = error instanceof UsageError ? error.message : fileProblem(error as NodeJS.ErrnoException);
    if (problem === null) throw error;
    process.stderr.write(error instanceof NotThere ? `${problem}\n` : `${problem}\n\n${usage}\n`);
    process.exitCode = 2;
  }
}

/** Of a file that was named on the command line; `null` for any other error. */
function fileProblem({ path, code, syscall = '' }: NodeJS.ErrnoException): string | null {
  if (code === 'EISDIR') return `${path ?? 'the file'}: is a directory`;
  return path === undefined || syscall.startsWith('spawn') ? null : `${path}: cannot be read or written (${code})`;
}
