// How a page says that it waits, has nothing, failed, is old, or is not for this role.

import type { ReactNode } from "react";
import type { Problem } from "../api";
import type { Loaded } from "../load";
import * as words from "../words";
import { useDesk } from "../session";

export function Waiting({ what = "正在载入…" }: { what?: string }) {
  return (
    <div className="state" role="status">
      <span className="spinner" aria-hidden="true" />
      <p>{what}</p>
    </div>
  );
}

export function Nothing({ what, hint, children }: { what: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="state nothing">
      <span className="mark" aria-hidden="true">○</span>
      <p>{what}</p>
      {hint && <p className="hint">{hint}</p>}
      {children}
    </div>
  );
}

export function Failed({ problem, again }: { problem: Problem; again?: () => void }) {
  if (problem.status === 403) return <NoRight detail={problem.detail} />;
  if (problem.status === 404) return <Nothing what="没有找到" hint="可能已被删除，或不在您负责的区域。" />;
  return (
    <div className="state failed" role="alert">
      <span className="mark" aria-hidden="true">!</span>
      <p>没能载入：{problem.detail}</p>
      {problem.traceId && <p className="hint">编号 {problem.traceId}</p>}
      {again && <button className="button" onClick={again}>重试</button>}
    </div>
  );
}

export function NoRight({ detail }: { detail?: string }) {
  return (
    <div className="state">
      <span className="mark" aria-hidden="true">⊘</span>
      <p>{detail ?? "您的角色不能查看这一页。"}</p>
      <p className="hint">需要时请联系上级管理员调整角色。</p>
    </div>
  );
}

/** Shows what is loaded; says when that is old because asking again failed. */
export function Ready<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ReactNode }) {
  if (of.data === null) {
    if (of.problem) return <Failed problem={of.problem} again={of.reload} />;
    return <Waiting />;
  }
  return (
    <>
      {of.problem && (
        <p className="notice warn" role="alert">
          暂时无法更新：{of.problem.detail} 以下是 {words.hour(new Date(of.at).toISOString())} 的数据。
          <button className="link" onClick={of.reload}>重试</button>
        </p>
      )}
      {children(of.data)}
    </>
  );
}

/** What a role may not see is not asked for. */
export function Needs({ right, children }: { right: string; children: ReactNode }) {
  return useDesk().may(right) ? <>{children}</> : <NoRight />;
}
