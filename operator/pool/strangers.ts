import type { Api } from '../runtime/api.ts';
import { isRefusedWith } from '../runtime/api-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { listObjects } from '../runtime/list.ts';
import { versionOf } from '../runtime/object-meta.ts';
import { listPath, objectPath } from '../runtime/resource.ts';
import { type ChildKind, childKinds, ours } from './resources.ts';

/**
 * Objects that are not ours and have a name that we are about to use. Our watches do not show them, and applying would take them over. One is asked for by
 * its name; when many pools are made at once, one list of names answers for all of a kind.
 */
export type Strangers = {
  /** The object of this name, whosever it is; undefined when there is none, or was none two seconds ago: what was made since is a conflict. */
  readonly find: (place: StrangerPlace, signal: AbortSignal) => Promise<unknown>;
};

export type StrangerPlace = { readonly kind: ChildKind; readonly namespace: string; readonly name: string };

/** More names than this while a list counts are worth one. */
const fewNames = 5;
const listCountsMs = 2_000;
/** An answer that came so late tells too little about now. */
const listIsOldMs = 4_000;
/** Names and labels are enough, and a tenth of the bytes. */
const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const notOurs = ours.replace('=', '!=');
const listTimeoutMs = 30_000;
const pageSize = 500;

/** Keys of all strangers, as a list that was begun then gave them. */
type NameList = { readonly begunMs: number; readonly keys: Promise<ReadonlySet<string>> };

type Asked = { sinceMs: number; names: number; list: NameList | undefined };

export function openStrangers(api: Api, clock: Clock): Strangers {
  const askedOf = new Map<string, Asked>();

  async function listed(path: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    const call = { path, query: { labelSelector: notOurs }, timeoutMs: listTimeoutMs, accept: metadataOnly };
    await listObjects(api, call, { pageSize }, (object) => keys.add(versionOf(object).key), signal);
    return keys;
  }

  /** The names of all strangers, if it is worth it to know them. */
  function namesAround(path: string, signal: AbortSignal): NameList | undefined {
    const nowMs = clock.nowMs();
    const asked = askedOf.get(path) ?? { sinceMs: nowMs, names: 0, list: undefined };
    askedOf.set(path, asked);
    if (nowMs - asked.sinceMs > listCountsMs) {
      asked.sinceMs = nowMs;
      asked.names = 0;
    }
    asked.names += 1;
    if (asked.list !== undefined && nowMs - asked.list.begunMs <= listCountsMs) return asked.list;
    if (asked.names <= fewNames) return undefined;
    asked.list = { begunMs: nowMs, keys: listed(path, signal) };
    return asked.list;
  }

  return {
    find: async ({ kind, namespace, name }, signal) => {
      const list = namesAround(listPath(childKinds[kind], namespace), signal);
      if (list !== undefined) {
        const keys = await list.keys;
        if (!keys.has(`${namespace}/${name}`) && clock.nowMs() - list.begunMs < listIsOldMs) return undefined;
      }
      return existing(api, objectPath(childKinds[kind], namespace, name), signal);
    },
  };
}

async function existing(api: Api, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await api.request({ method: 'GET', path }, signal);
  } catch (error) {
    if (isRefusedWith(error, 404)) return undefined;
    throw error;
  }
}
