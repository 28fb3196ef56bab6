for (const table of document.querySelectorAll("table")) {
  table.tHead.addEventListener("click", (event) => {
    const th = event.target.closest("th");
    if (!th || !th.querySelector("button")) return;
    const up = th.getAttribute("aria-sort") !== "ascending";
    for (const other of th.parentNode.children) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => {
      const cell = row.cells[th.cellIndex];
      return "k" in cell.dataset ? Number(cell.dataset.k) : cell.textContent;
    };
    const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(key(a), key(b)) * (up ? 1 : -1));
    table.tBodies[0].append(...rows);
  });
}
