// The frame of a page's content: its title, what can be done, and cards.

import { useEffect, type ReactNode } from "react";
import { Link } from "react-router";

export function Title({ text, back, children }: { text: string; back?: [string, string]; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${text} · 智慧体育社区工作台`;
  }, [text]);
  return (
    <header className="title">
      <div>
        {back && <Link className="back" to={back[0]}>‹ {back[1]}</Link>}
        <h1 tabIndex={-1}>{text}</h1>
      </div>
      {children && <div className="acts">{children}</div>}
    </header>
  );
}

export function Card({ title, aside, children, wide = false, whole = false }: { title?: string; aside?: ReactNode; children: ReactNode; wide?: boolean; whole?: boolean }) {
  return (
    <section className={whole ? "card whole" : wide ? "card wide" : "card"}>
      {(title || aside) && (
        <div className="card-head">
          {title && <h2>{title}</h2>}
          {aside && <div className="aside">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "—"}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Figure({ name, value, unit, note, to }: { name: string; value: ReactNode; unit?: string; note?: ReactNode; to?: string }) {
  const inside = (
    <>
      <span className="name">{name}</span>
      <span className="value">{value}{unit && <small> {unit}</small>}</span>
      {note && <span className="note">{note}</span>}
    </>
  );
  return to ? <Link className="figure" to={to}>{inside}</Link> : <div className="figure">{inside}</div>;
}

export type Tone = "good" | "warn" | "bad" | "plain";
export const Tag = ({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) => (
  <span className={`tag ${tone}`}>{children}</span>
);
