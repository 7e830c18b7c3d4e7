import { spawnSync } from 'node:child_process';

/** Rows that need one are left out where there is none, and say so. */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;

export const NO_REDIS = 'no redis-server on PATH';
