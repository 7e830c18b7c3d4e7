/** A collector that takes everything and keeps nothing, run as a child process: OTLP over HTTP, any signal. */
import { createServer } from 'node:http';
import { announce } from './child.js';

const server = createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});
server.listen(0, '127.0.0.1', () => announce(server));
