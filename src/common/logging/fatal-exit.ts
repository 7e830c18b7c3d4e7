interface FatalLog {
  fatal(fields: { err: unknown }, text: string, context: string): void;
  flush(): Promise<void>;
}

const FLUSH_LIMIT_MS = 2000;

/**
 * From now on an uncaught error (or unhandled rejection) is logged at level fatal and ends the process with code 1 once
 * the log has left it, after 2 s at the latest. Going on would serve requests from a state nobody thought of.
 */
export function exitOnUncaughtError(log: FatalLog): void {
  process.once('uncaughtException', (err) => {
    const exit = (): never => process.exit(1);
    process.on('uncaughtException', exit); // a second one does not wait
    setTimeout(exit, FLUSH_LIMIT_MS);
    log.fatal({ err }, 'uncaught error: the process ends', 'process');
    void log.flush().then(exit, exit);
  });
}
