import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { checkManifest } from '../capacity/policy/check.ts';
import { regionUrl } from '../capacity/policy/compile.ts';
import { httpUrl } from '../crds/values.ts';
import { listInventory } from '../providers/vapi/inventory.ts';
import { exitCode } from './exit-codes.ts';
import { reasonOf } from './file-trouble.ts';
import { starterPool, type Usable, usableOf } from './starter-pool.ts';

/** `trunkline init`: asks the provider what a project has and writes a manifest to start from. */
export function initCommand(): Command {
  const command = new Command('init')
    .description('write a pool.yaml from what the provider knows of your project')
    .requiredOption('--api-key-file <file>', "file that holds the project's private API key")
    .addOption(new Option('--region <region>', "the project's region").choices(['us', 'eu']).default('us'))
    .option('--base-url <url>', "address of the provider's API, instead of the region's")
    .option('--output <file>', 'file to write', 'pool.yaml')
    .option('--force', 'overwrite the file if it is there')
    .addHelpText('after', afterHelp);
  return command.action(async (options: InitOptions) => {
    const usageError = (message: string): never => command.error(`trunkline: ${message}`, { exitCode: exitCode.usage });
    if (options.baseUrl !== undefined && !httpUrl.safeParse(options.baseUrl).success) {
      usageError('--base-url must be an absolute http or https URL without user name, password or fragment');
    }
    if (options.force !== true && (await exists(options.output))) {
      usageError(`${options.output} is there already: choose another --output, or overwrite it with --force`);
    }
    const key = await readKey(options.apiKeyFile);
    if ('wrong' in key) return usageError(`--api-key-file ${options.apiKeyFile}: ${key.wrong}`);
    process.stdout.write(await writeStarter(options, key.apiKey));
  });
}

const afterHelp = `
Only assistants and phone numbers are asked for; nothing is changed at the provider, and the key is not written into the manifest.

Examples:
  trunkline init --api-key-file key.txt
  trunkline init --api-key-file key.txt --region eu --output eu.yaml

Exit status: 0 written, 2 wrong usage, 3 the provider does not answer, or has no assistant or number.
`;

type InitOptions = {
  readonly apiKeyFile: string;
  readonly region: 'us' | 'eu';
  readonly baseUrl?: string;
  readonly output: string;
  readonly force?: true;
};

const patienceMs = 60_000;

async function writeStarter({ apiKeyFile, region, baseUrl, output, force }: InitOptions, apiKey: string): Promise<string> {
  const address = (baseUrl ?? regionUrl(region)).replace(/\/+$/, '');
  const usable = usableOf(await listInventory({ baseUrl: address, apiKey, signal: AbortSignal.timeout(patienceMs) }));
  refuseEmpty(usable, address);
  const text = starterPool(usable, { region, baseUrl: baseUrl === undefined ? undefined : address });
  const checked = checkManifest(text, output);
  if (!checked.ok)
    throw new Error(`the manifest made from the project is not valid: ${checked.problems.map(({ message }) => message).join('; ')}`);
  await writeFile(output, text, { flag: force === true ? 'w' : 'wx' }).catch((error: unknown) => {
    throw new Error(`${output} cannot be written`, { cause: error });
  });
  return `${output}: ${counted(usable.assistants.length, 'assistant')}, ${counted(usable.phoneNumbers.length, 'phone number')}

Next:
  mkdir -p secrets/vapi-main && cp ${apiKeyFile} secrets/vapi-main/apiKey
  set concurrencyLimit and the classes' assistants in ${output}
  npx trunkline validate ${output}
  npx trunkline up ${output} --secrets secrets
`;
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function refuseEmpty({ assistants, phoneNumbers }: Usable, address: string): void {
  if (assistants.length === 0) throw new Error(`${address}: the project has no assistant: make one at the provider, then run init again`);
  if (phoneNumbers.length === 0) {
    throw new Error(`${address}: the project has no phone number in E.164: buy or import one at the provider, then run init again`);
  }
}

type Key = { readonly apiKey: string } | { readonly wrong: string };

const maxKeyBytes = 4_096;

async function readKey(file: string): Promise<Key> {
  try {
    if ((await stat(file)).size > maxKeyBytes) return { wrong: 'is too long for an API key' };
    const apiKey = (await readFile(file, 'utf8')).trim();
    if (apiKey === '') return { wrong: 'is empty: it must hold the private API key' };
    return /^[\x21-\x7e]+$/.test(apiKey) ? { apiKey } : { wrong: 'must hold the private API key and nothing else' };
  } catch (error) {
    return { wrong: `cannot be read: ${reasonOf(error)}` };
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
