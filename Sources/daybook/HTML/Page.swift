import Events
import Foundation

/// A whole page in one file: nothing of it is read from elsewhere, and nothing in it runs.
struct Page {
    let title: String
    /// Below the title.
    let subtitle: HTML
    let body: HTML
    let foot: HTML
    /// When it was made, and up to when it knows of restatements, as ISO 8601: the next page that takes its place tells
    /// what changed since.
    let marks: Marks

    struct Marks: Equatable {
        let madeAt: String
        let seenUntil: String
    }

    private static let madeAtName: StaticString = "daybook-made-at"
    private static let seenUntilName: StaticString = "daybook-seen-until"

    var text: String {
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta name="\(Page.madeAtName.description)" content="\(marks.madeAt)">
            <meta name="\(Page.seenUntilName.description)" content="\(marks.seenUntil)">
            <title>\(title)</title>
            <style>
            \(PageStyle.css)
            </style>
            </head>
            <body>
            <svg width="0" height="0" style="position:absolute;width:0;min-width:0" aria-hidden="true" focusable="false"><defs>
            <pattern id="provisional" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="1.6" height="7" style="fill:var(--band);opacity:.38"/></pattern>
            <pattern id="beyond" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="6" height="6" style="fill:var(--overdue);opacity:.2"/><rect width="2" height="6" style="fill:var(--overdue);opacity:.6"/></pattern>
            </defs></svg>
            <header class="top">
            <p class="brand">Daybook</p>
            <h1>\(title)</h1>
            <p class="soft">\(subtitle)</p>
            </header>
            <main>
            \(body)
            </main>
            <footer><p>\(foot)</p></footer>
            </body>
            </html>
            """
        return page.text
    }

    /// The marks of a page that Daybook wrote; nil of any other text.
    static func marks(of text: String) -> Marks? {
        func mark(_ name: StaticString) -> String? {
            guard let found = text.range(of: "<meta name=\"\(name)\" content=\"") else { return nil }
            // What is no time was not written by us, and is not for the database.
            return Timestamp(String(text[found.upperBound...].prefix { $0 != "\"" }))?.description
        }
        guard let madeAt = mark(madeAtName), let seenUntil = mark(seenUntilName) else { return nil }
        return Marks(madeAt: madeAt, seenUntil: seenUntil)
    }
}
