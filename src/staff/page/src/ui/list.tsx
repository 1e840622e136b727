// Lists: a table on a desk, cards on a phone. Only the rows in sight are in the document, however
// many are loaded.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Paged } from "../load";
import * as words from "../words";
import { Failed, Nothing, Waiting } from "./states";

export interface Column<T> {
  name: string;
  /** Its share of the width, as in `grid-template-columns`. */
  width?: string;
  show: (item: T) => ReactNode;
  isNumber?: boolean;
}

const NARROW = "(max-width: 720px)";

export function useNarrow(): boolean {
  const [isNarrow, set] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const heard = () => set(query.matches);
    query.addEventListener("change", heard);
    return () => query.removeEventListener("change", heard);
  }, []);
  return isNarrow;
}

interface Rows<T> {
  label: string;
  items: T[];
  columns: Column<T>[];
  keyOf: (item: T) => string;
  /** Called when the last rows come into sight. */
  atEnd?: () => void;
}

export function Rows<T>({ label, items, columns, keyOf, atEnd }: Rows<T>) {
  const isNarrow = useNarrow();
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (isNarrow ? 44 + columns.length * 26 : 48),
    overscan: 8,
    getItemKey: (n) => keyOf(items[n]!),
  });
  const seen = rows.getVirtualItems();
  const last = seen.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= 0 && last >= items.length - 5) atEnd?.();
  }, [last, items.length, atEnd]);
  const template = columns.map((column) => column.width ?? "minmax(0, 1fr)").join(" ");
  return (
    <div className="rows" ref={scroll} tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={items.length + 1} className={isNarrow ? "narrow" : "broad"}>
        <div role="rowgroup" className="head">
          <div role="row" aria-rowindex={1} className="row" style={{ gridTemplateColumns: template }}>
            {columns.map((column) => (
              <div role="columnheader" key={column.name} className={column.isNumber ? "number" : undefined}>{column.name}</div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="body" style={{ height: rows.getTotalSize() }}>
          {seen.map((row) => {
            const item = items[row.index]!;
            return (
              <div
                role="row" aria-rowindex={row.index + 2} key={row.key} data-index={row.index} ref={rows.measureElement}
                className="row" style={{ gridTemplateColumns: isNarrow ? undefined : template, transform: `translateY(${row.start}px)` }}
              >
                {columns.map((column) => (
                  <div role="cell" key={column.name} className={column.isNumber ? "number" : undefined}>
                    {isNarrow && column.name && <span className="label" aria-hidden="true">{column.name}</span>}
                    <span className="what">{column.show(item)}</span>
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** A list that loads as it is read. */
export function LongList<T>({ of, none, hint, ...rest }: Omit<Rows<T>, "items" | "atEnd"> & { of: Paged<T>; none: string; hint?: string }) {
  if (of.items.length === 0) {
    if (of.problem) return <Failed problem={of.problem} again={of.reload} />;
    if (of.isLoading) return <Waiting />;
    return <Nothing what={none} hint={hint} />;
  }
  const loads = of.hasMore && !of.problem && !of.isRunning && !of.isLoading;
  return (
    <>
      <Rows items={of.items} {...rest} atEnd={loads ? of.more : undefined} />
      <div className="list-foot" role="status">
        <span>
          {of.hasMore ? `已载入 ${words.number(of.items.length)} 行` : `共 ${words.number(of.items.length)} 行`}
          {of.isLoading && "，正在载入…"}
        </span>
        {of.problem && (
          <span className="bad-text">
            后面的没能载入：{of.problem.detail} <button className="link" onClick={of.more}>重试</button>
          </span>
        )}
        {of.hasMore && !of.problem && (
          <button className="link" onClick={of.toEnd}>{of.isRunning ? "停止" : "载入全部"}</button>
        )}
        {of.isRunning && <progress aria-label="载入进度" />}
      </div>
    </>
  );
}
