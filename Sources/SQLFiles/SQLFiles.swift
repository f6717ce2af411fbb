import Foundation

/// The SQL that Daybook runs: what travels inside the binary, and what a project adds beside it.
package struct SQLFiles: Sendable {
    package struct File: Sendable, Equatable {
        /// Relative to `sql/`: `transforms/fact_sla.sql`.
        package let path: String
        package let text: String
        /// Where a person finds it: the path again for a file of the binary, a real one for a project's own.
        package let origin: String

        package init(path: String, text: String, origin: String) {
            (self.path, self.text, self.origin) = (path, text, origin)
        }

        /// The file's name without folder and ending: `fact_sla`.
        package var name: String {
            String(path.split(separator: "/").last?.split(separator: ".").first ?? "")
        }
    }

    /// In order of path.
    package let files: [File]

    /// Only what travels inside the binary.
    package static let builtin = SQLFiles(
        files: builtinTexts.map { File(path: $0.path, text: $0.text, origin: "sql/\($0.path)") })

    package init(files: [File]) {
        self.files = files.sorted { $0.path < $1.path }
    }

    /// The files of one folder of `sql/`, in order of name.
    package func folder(_ name: String) -> [File] {
        files.filter { $0.path.hasPrefix("\(name)/") }
    }

    /// One file that the program needs; its absence is an error of ours.
    package func text(_ path: String) -> String {
        guard let file = files.first(where: { $0.path == path }) else {
            preconditionFailure("sql/\(path) does not travel inside the binary")
        }
        return file.text
    }

    /// These files and those below `directory`, a project's `sql/`; nil where it has none.
    ///
    /// A project's file never takes the place of one of ours: equal paths are an error, so that nothing built in
    /// is overridden by accident. A checkout of Daybook is a project too, and there equal texts are the same file.
    package func adding(project directory: URL) throws -> SQLFiles {
        var all = files
        let folders = ["transforms", "checks", "tests"]
        for folder in folders {
            let url = directory.appending(path: folder)
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
            for name in names where name.hasSuffix(".sql") {
                let file = File(
                    path: "\(folder)/\(name)",
                    text: try String(contentsOf: url.appending(path: name), encoding: .utf8),
                    origin: url.appending(path: name).path)
                guard let ours = files.first(where: { $0.path == file.path }) else {
                    all.append(file)
                    continue
                }
                guard ours.text.trimmed == file.text.trimmed else { throw Conflict(path: file.origin) }
            }
        }
        return SQLFiles(files: all)
    }

    package struct Conflict: Error, CustomStringConvertible {
        let path: String
        package var description: String {
            "\(path) has the name of a file that Daybook brings: give yours another name"
        }
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
