// What a page has loaded, and how that stands: waiting, there, there but old, or failed.

import { useCallback, useEffect, useRef, useState } from "react";
import { all, get, Problem, type Page } from "./api";

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  isLoading: boolean;
  /** When `data` came. */
  at: number;
  reload: () => void;
}

const asProblem = (error: unknown) =>
  error instanceof Problem ? error : new Problem(0, "internal", "页面出现问题，请刷新后重试。");

/** Loads `path` (nothing while it is null), again every `everyMs`. */
export const useLoad = <T>(path: string | null, everyMs = 0): Loaded<T> => useRead(path, get<T>, everyMs);

/**
 * Loads `path` again for as long as something of what came is still on its way, `everyMs` after each
 * answer: a server that answers slowly is not asked again before it has.
 */
export function useWatched<T>(path: string | null, isGoing: (data: T) => boolean, everyMs: number): Loaded<T> {
  const loaded = useLoad<T>(path);
  const { data, isLoading, reload } = loaded;
  useEffect(() => {
    if (isLoading || data === null || !isGoing(data)) return;
    const timer = setTimeout(reload, everyMs);
    return () => clearTimeout(timer);
  }, [data, isLoading]);
  return loaded;
}

const everyItem = <T>(path: string, signal: AbortSignal) => all<T>(path, undefined, signal);

/** All items of a list whose length is bounded by what it is of, such as a week. */
export const useAll = <T>(path: string | null): Loaded<T[]> => useRead<T[]>(path, everyItem);

/** `read` must keep its meaning while the page is there. */
function useRead<T>(path: string | null, read: (path: string, signal: AbortSignal) => Promise<T>, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{
    data: T | null;
    problem: Problem | null;
    isLoading: boolean;
    at: number;
  }>({
    data: null,
    problem: null,
    isLoading: path !== null,
    at: 0,
  });
  const [turn, setTurn] = useState(0);
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    const isOther = shown.current !== path;
    setState((old) => ({
      ...old,
      data: isOther ? null : old.data,
      isLoading: true,
      problem: isOther ? null : old.problem,
    }));
    read(path, stop.signal).then(
      (data) => {
        shown.current = path;
        setState({ data, problem: null, isLoading: false, at: Date.now() });
      },
      (error) => {
        if (!stop.signal.aborted)
          setState((old) => ({ ...old, problem: asProblem(error), isLoading: false }));
      },
    );
    return () => stop.abort();
  }, [path, turn]);
  useEffect(() => {
    if (!everyMs) return;
    const again = () => document.hidden || setTurn((n) => n + 1);
    const timer = setInterval(again, everyMs);
    // Whoever comes back to the page sees it as it is now.
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [everyMs]);
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}

export interface Paged<T> {
  items: T[];
  problem: Problem | null;
  isLoading: boolean;
  hasMore: boolean;
  more: () => void;
  /** Loads to the end; a second call stops it. */
  toEnd: () => void;
  isRunning: boolean;
  reload: () => void;
}

/** A list that grows page by page. `read` must keep its identity while it asks for the same. */
export function usePages<T>(
  read: ((cursor: string | null, signal: AbortSignal) => Promise<Page<T>>) | null,
): Paged<T> {
  const [items, setItems] = useState<T[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isLoading, setLoading] = useState(read !== null);
  const [isRunning, setRunning] = useState(false);
  const [turn, setTurn] = useState(0);
  const stop = useRef(new AbortController());
  const running = useRef(false);
  const busy = useRef(false);

  const load = useCallback(
    async (from: string | null): Promise<string | null> => {
      if (!read || busy.current) return null;
      busy.current = true;
      setLoading(true);
      const { signal } = stop.current;
      try {
        const page = await read(from, signal);
        if (signal.aborted) return null;
        setItems((old) => (from === null ? page.items : [...old, ...page.items]));
        setCursor(page.next_cursor ?? null);
        setProblem(null);
        return page.next_cursor ?? null;
      } catch (error) {
        if (!signal.aborted) setProblem(asProblem(error));
        return null;
      } finally {
        if (!signal.aborted) {
          busy.current = false;
          setLoading(false);
        }
      }
    },
    [read],
  );
  useEffect(() => {
    stop.current = new AbortController();
    busy.current = false;
    setItems([]);
    setCursor(null);
    setProblem(null);
    void load(null);
    return () => {
      running.current = false;
      stop.current.abort();
    };
  }, [load, turn]);
  const more = useCallback(
    () => void load(items.length === 0 ? null : cursor),
    [load, cursor, items.length],
  );
  const toEnd = useCallback(async () => {
    if (running.current) {
      running.current = false;
      return;
    }
    running.current = true;
    setRunning(true);
    let next = cursor;
    while (next && running.current) next = await load(next);
    running.current = false;
    setRunning(false);
  }, [load, cursor]);
  return {
    items,
    problem,
    isLoading,
    isRunning,
    hasMore: cursor !== null,
    more,
    toEnd: () => void toEnd(),
    reload: useCallback(() => setTurn((n) => n + 1), []),
  };
}

/** A list that is read with GET, for `usePages`. */
export function useList<T>(path: string | null): Paged<T> {
  const read = useCallback(
    (cursor: string | null, signal: AbortSignal) => {
      const joint = path?.includes("?") ? "&" : "?";
      const behind = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      return get<Page<T>>(`${path}${joint}limit=200${behind}`, signal);
    },
    [path],
  );
  return usePages<T>(path === null ? null : read);
}
