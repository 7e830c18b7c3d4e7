import { hostname } from 'node:os';

/** How this replica is called on Azure Container Apps, or as a container; else the machine and the process. */
export const replicaName = (env: NodeJS.ProcessEnv = process.env): string =>
  env['CONTAINER_APP_REPLICA_NAME'] || env['HOSTNAME'] || `${hostname()}-${process.pid}`;
