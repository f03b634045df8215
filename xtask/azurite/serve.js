// serve.js FOLDER PORT CONTAINER: runs Azurite's blob service in FOLDER, its state in memory, with a container in it, for as long as
// standard input stays open. The starter holds the other end of the pipe: however it ends, the server goes away.

const { createHmac } = require('node:crypto');
const { createRequire } = require('node:module');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const [folder, port, container] = process.argv.splice(2, 3);
const modules = createRequire(path.join(folder, '..', 'modules', 'package.json'));
const { EMULATOR_ACCOUNT_KEY, EMULATOR_ACCOUNT_NAME } = modules('azurite/dist/src/blob/utils/constants');

process.stdin.resume().on('end', () => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit();
});

// `object_store` has no call that makes a container.
function create(answered) {
  const date = new Date().toUTCString();
  const version = '2021-08-06';
  const target = `/${EMULATOR_ACCOUNT_NAME}/${container}`;
  const text = `PUT${'\n'.repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n/${EMULATOR_ACCOUNT_NAME}${target}\nrestype:container`;
  const signature = createHmac('sha256', EMULATOR_ACCOUNT_KEY).update(text).digest('base64');
  const request = http.request({
    host: '127.0.0.1',
    port,
    method: 'PUT',
    path: `${target}?restype=container`,
    headers: {
      'x-ms-date': date,
      'x-ms-version': version,
      'content-length': 0,
      authorization: `SharedKey ${EMULATOR_ACCOUNT_NAME}:${signature}`,
    },
  });
  request.on('response', (response) => answered(response.statusCode));
  request.on('error', () => answered(0));
  request.end();
}

function createWhenReady() {
  create((status) => {
    if (status === 0) {
      setTimeout(createWhenReady, 100);
    } else if (status === 201) {
      console.log('the container is there');
    } else {
      console.error(`making the container was answered with ${status}`);
      process.exit(1);
    }
  });
}

process.chdir(folder);
process.argv.push('--silent', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry');
process.argv.push('--blobHost', '127.0.0.1', '--blobPort', port);
modules('azurite/dist/src/blob/main');
createWhenReady();
