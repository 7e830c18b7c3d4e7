import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenDesk } from './token-desk.js';

const SECRET = 'identity-header';

/** The managed identity of an app on Azure (App Service, Container Apps): tokens over HTTP, to whom knows the header. */
export class IdentityEndpoint {
  /** Resources that tokens were asked for. */
  readonly resources: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(desk: TokenDesk): Promise<IdentityEndpoint> {
    const server = createServer();
    const endpoint = new IdentityEndpoint(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    server.on('request', (request, response) => {
      const resource = new URL(request.url ?? '/', 'http://localhost').searchParams.get('resource');
      if (request.headers['x-identity-header'] !== SECRET || !resource) return void response.writeHead(400).end();
      endpoint.resources.push(resource);
      void desk.getToken().then(({ token, expiresOnTimestamp }) => {
        const expires = String(Math.floor(expiresOnTimestamp / 1_000));
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: token, expires_on: expires, resource, token_type: 'Bearer' }));
      });
    });
    return endpoint;
  }

  /** What Azure gives the container of the app. */
  get env(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi/token`, IDENTITY_HEADER: SECRET };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
