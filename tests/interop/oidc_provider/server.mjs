// A real authorization server for the interoperability tests: oidc-provider with the device flow.
//
// The first line on stdin is the settings as one JSON object:
//   ledger     a file that gets a JSON line for each request and for each secret handed out
//   clients    [{client_id, client_auth, client_secret}]
//   listeners  {name: {host, path, cert, key, device_flow, code_seconds}}, https where there is a cert
// One JSON object {name: issuer} goes to stdout once all of them listen. The end of stdin ends it.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const DAY = 24 * 60 * 60;
const SECRETS = ['device_code', 'access_token', 'refresh_token', 'id_token'];
const AUTH_METHODS = {
  none: 'none',
  basic: 'client_secret_basic',
  post: 'client_secret_post',
};

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signingKey = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };

function configuration(clients, { device_flow: deviceFlow = true, code_seconds: codeSeconds = DAY }) {
  const grants = deviceFlow ? ['urn:ietf:params:oauth:grant-type:device_code'] : [];
  return {
    clients: clients.map((client) => ({
      client_id: client.client_id,
      client_secret: client.client_secret,
      token_endpoint_auth_method: AUTH_METHODS[client.client_auth],
      grant_types: [...grants, 'refresh_token'],
      redirect_uris: [],
      response_types: [],
    })),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: deviceFlow },
      revocation: { enabled: true },
      userinfo: { enabled: true },
    },
    claims: { openid: ['sub', 'preferred_username'] },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id }),
    }),
    jwks: { keys: [signingKey] },
    rotateRefreshToken: true,
    // A board in virtual time lives through hours while the owner walks through the pages.
    ttl: {
      AccessToken: 60 * 60,
      DeviceCode: codeSeconds,
      Grant: 14 * DAY,
      IdToken: 2 * DAY,
      Interaction: 60 * 60,
      RefreshToken: 14 * DAY,
      Session: DAY,
    },
  };
}

async function listen(name, settings, { clients, ledger }) {
  const note = (entry) => appendFileSync(ledger, `${JSON.stringify({ listener: name, ...entry })}\n`);
  const server = settings.cert
    ? https.createServer({ cert: readFileSync(settings.cert), key: readFileSync(settings.key) })
    : http.createServer();
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });

  const scheme = settings.cert ? 'https' : 'http';
  const { host, path } = settings;
  const issuer = `${scheme}://${host}:${server.address().port}${path}`;
  const provider = new Provider(issuer, configuration(clients, settings));
  provider.use(async (ctx, next) => {
    note({ method: ctx.method, url: ctx.originalUrl });
    await next();
    const handedOut = SECRETS.map((member) => ctx.body?.[member]).filter(Boolean);
    if (handedOut.length) note({ secrets: handedOut });
  });
  const answer = provider.callback();
  server.on('request', (req, res) => {
    req.originalUrl = req.url;
    if (path && req.url.startsWith(`${path}/`)) {
      // What a framework does that mounts an application at a path.
      req.url = req.url.slice(path.length);
    } else if (path) {
      res.writeHead(404).end();
      return;
    }
    answer(req, res);
  });
  return [name, issuer];
}

createInterface({ input: process.stdin })
  .once('line', async (line) => {
    const settings = JSON.parse(line);
    const issuers = await Promise.all(
      Object.entries(settings.listeners).map(([name, own]) => listen(name, own, settings)),
    );
    console.log(JSON.stringify(Object.fromEntries(issuers)));
  })
  .once('close', () => process.exit());
