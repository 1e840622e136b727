// A file that is taken whole or not at all: chosen, sent with progress, and each row that cannot be
// taken named.

import { Dialog } from "@base-ui/react/dialog";
import { useId, useRef, useState, type ReactNode } from "react";
import { ask, Problem } from "../api";
import { useCommand } from "./form";

interface Upload {
  title: string;
  intro: ReactNode;
  path: string;
  accept: string;
  /** Content types by what the user chooses them by; the first is the usual one. */
  types: [string, string][];
  done: (answer: unknown) => ReactNode;
  close: () => void;
  after: () => void;
}

/** Faults that are listed; who has more has a wrong file. */
const FAULTS_MAX = 20;

/** `/12/name` as a row and a column. */
function where(pointer: string): string {
  const [row, column] = pointer.split("/").slice(1);
  if (!row) return "文件";
  return row === "0" ? "表头" : `第 ${row} 行${column ? ` ${column} 列` : ""}`;
}

function Faults({ problem, hasOther }: { problem: Problem; hasOther: boolean }) {
  return (
    <div className="notice bad" role="alert">
      <p>{problem.detail}{problem.errors.length > 0 && " 没有写入任何一行，请改好后重新上传："}{problem.passes && " 文件还在，可以直接重试。"}{problem.code === "invalid_utf8" && hasOther && " 旧版表格软件存的文件，请把格式改选为 GB18030。"}</p>
      {problem.errors.length > 0 && <ul>{problem.errors.slice(0, FAULTS_MAX).map((one) => <li key={one.pointer + one.code}>{where(one.pointer)}：{one.detail}</li>)}</ul>}
      {problem.errors.length > FAULTS_MAX && <p>还有 {problem.errors.length - FAULTS_MAX} 处。</p>}
    </div>
  );
}

export function Upload({ title, intro, path, accept, types, done, close, after }: Upload) {
  const id = useId();
  const file = useRef<HTMLInputElement>(null);
  const [type, setType] = useState(types[0]![0]);
  const [result, setResult] = useState<ReactNode>(null);
  const { isBusy, problem, run, clear } = useCommand();
  const send = async (event: { preventDefault: () => void }) => {
    event.preventDefault();
    const chosen = file.current?.files?.[0];
    if (!chosen) return;
    // The same file is the same command, so that a second attempt does nothing twice.
    await run([path, type, chosen.name, chosen.size, chosen.lastModified], async (key) => {
      const answer = await ask(path, { method: "POST", text: { type, body: chosen }, key });
      setResult(done(await answer.json()));
      after();
    });
  };
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && !isBusy && close()} disablePointerDismissal>
      <Dialog.Portal>
        <Dialog.Backdrop className="veil" />
        <Dialog.Popup className="dialog">
          <Dialog.Title className="dialog-title">{title}</Dialog.Title>
          {result ? (
            <>{result}<div className="dialog-acts"><Dialog.Close className="button primary">关闭</Dialog.Close></div></>
          ) : (
            <form onSubmit={(event) => void send(event)}>
              <Dialog.Description className="intro" render={<div />}>{intro}</Dialog.Description>
              <div className="field"><label htmlFor={`${id}-file`}>文件</label><input id={`${id}-file`} ref={file} type="file" accept={accept} required onChange={clear} /></div>
              {types.length > 1 && (
                <div className="field"><label htmlFor={`${id}-type`}>格式</label>
                  <select id={`${id}-type`} value={type} onChange={(event) => setType(event.target.value)}>{types.map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select></div>
              )}
              {isBusy && <p role="status">正在上传并逐行检查…<progress aria-label="上传进度" /></p>}
              {problem && <Faults problem={problem} hasOther={types.length > 1} />}
              <div className="dialog-acts">
                <Dialog.Close className="button" type="button" disabled={isBusy}>取消</Dialog.Close>
                <button className="button primary" aria-disabled={isBusy} aria-busy={isBusy}>{isBusy ? "请稍候…" : "上传"}</button>
              </div>
            </form>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
