import Foundation

/// A file that a pattern found.
package struct FoundFile: Sendable, Equatable {
    /// As the definition spells it: relative to the project where the pattern is.
    package let name: String
    /// Where to open it.
    package let path: String
    /// As it was when it was found.
    package let status: FileStatus

    /// In bytes, as it lies on the disk.
    package var size: Int64 { status.size }
    package var modified: Date {
        Date(timeIntervalSince1970: Double(status.modifiedNanoseconds) / 1e9)
    }
}

/// A path in which `*`, `?` and `[…]` stand for parts of a name, and `**` for any number of folders.
///
/// A name that begins with a dot must be matched by a dot, as in the shell.
package struct FilePattern: Sendable {
    package let text: String
    private let base: String

    /// - Parameter base: the directory that a relative pattern starts from.
    package init(_ text: String, relativeTo base: String) {
        self.text = text
        self.base = base
    }

    package var isLiteral: Bool { !text.contains { "*?[".contains($0) } }

    /// The files, oldest modification first, then by path.
    ///
    /// - Throws: `missing` where a literal path names nothing, `unsupported` where it names a directory, `unreadable`
    ///   where a folder may not be looked into: what is in it would be missed in silence.
    package func files() throws(ExtractError) -> [FoundFile] {
        if isLiteral { return [try literalFile()] }
        let components = text.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        var names: [String: Bool] = [:]
        try expand(components[...], below: text.hasPrefix("/") ? "/" : "", into: &names)
        // Of two names of one file the one that is no link stays, and then the first.
        var nodes: Set<String> = []
        nodes.reserveCapacity(names.count)
        var files: [FoundFile] = []
        for (name, _) in names.sorted(by: { ($0.value ? 1 : 0, $0.key) < ($1.value ? 1 : 0, $1.key) }) {
            guard let file = try found(name), nodes.insert(file.status.node).inserted else { continue }
            files.append(file)
        }
        return files.sorted {
            ($0.status.modifiedNanoseconds, $0.name) < ($1.status.modifiedNanoseconds, $1.name)
        }
    }

    private func literalFile() throws(ExtractError) -> FoundFile {
        let path = absolute(text)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw ExtractError(kind: .missing, object: text, message: "there is no such file")
        }
        guard !isDirectory.boolValue else {
            throw ExtractError(
                kind: .unsupported, object: text,
                message: "is a directory; to read the files in it write \"\(text)/*\"")
        }
        guard let file = try found(text) else {
            throw ExtractError(kind: .unsupported, object: text, message: "is no regular file")
        }
        return file
    }

    private func absolute(_ name: String) -> String { name.hasPrefix("/") ? name : "\(base)/\(name)" }

    /// A regular file; nil where the name is of something else, or gone meanwhile.
    private func found(_ name: String) throws(ExtractError) -> FoundFile? {
        let path = absolute(name)
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno != EACCES { return nil }
            throw ExtractError(
                kind: .unreadable, object: name, message: "cannot be looked at: permission denied")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return FoundFile(name: name, path: path, status: FileStatus(status))
    }

    /// Adds what matches `components` below the folder `parent`, which is empty or ends with a slash; and whether it is a
    /// link.
    private func expand(
        _ components: ArraySlice<String>, below parent: String, into names: inout [String: Bool]
    ) throws(ExtractError) {
        guard let component = components.first else { return }
        let rest = components.dropFirst()
        guard component.contains(where: { "*?[".contains($0) }) else {
            if rest.isEmpty {
                names[parent + component] = isLink(parent + component)
            } else {
                try expand(rest, below: parent + component + "/", into: &names)
            }
            return
        }
        let entries = try entries(of: parent)
        if component == "**" {
            try expand(rest.isEmpty ? ["*"] : rest, below: parent, into: &names)
            // Links to directories are followed by name, never by `**`: they could lead in a circle.
            for entry in entries where !entry.name.hasPrefix(".") && entry.kind == .directory {
                try expand(components, below: parent + entry.name + "/", into: &names)
            }
            return
        }
        for entry in entries where fnmatch(component, entry.name, FNM_PERIOD) == 0 {
            guard entry.isNamed else {
                throw ExtractError(
                    kind: .unreadable, object: parent + entry.name,
                    message: "has a name that is not UTF-8; rename it, or leave it out of the pattern")
            }
            if rest.isEmpty {
                names[parent + entry.name] = entry.kind == .link
            } else if entry.kind == .directory
                || entry.kind == .link && isLinkToDirectory(parent + entry.name)
            {
                try expand(rest, below: parent + entry.name + "/", into: &names)
            }
        }
    }

    private struct Entry {
        enum Kind { case directory, link, other }

        let name: String
        let kind: Kind
        /// Whether the name is UTF-8, so that the file can be opened by it.
        let isNamed: Bool
    }

    /// What is in a folder, without a look at each: the folder itself tells what is a directory, on most file systems.
    private func entries(of parent: String) throws(ExtractError) -> [Entry] {
        let path = absolute(parent)
        guard let folder = opendir(path.isEmpty ? "." : path) else {
            // Nothing matches in a folder that is none, or gone meanwhile.
            if errno == ENOENT || errno == ENOTDIR { return [] }
            let reason = errno == EACCES ? "permission denied" : String(cString: strerror(errno))
            throw ExtractError(
                kind: .unreadable, object: parent, message: "cannot be looked into: \(reason)")
        }
        defer { closedir(folder) }
        var entries: [Entry] = []
        while let entry = readdir(folder) {
            let (name, isNamed) = withUnsafePointer(to: &entry.pointee.d_name) { place in
                place.withMemoryRebound(to: CChar.self, capacity: 1) {
                    (String(cString: $0), String(validatingCString: $0) != nil)
                }
            }
            guard name != ".", name != ".." else { continue }
            entries.append(
                Entry(name: name, kind: kind(of: parent + name, entry.pointee.d_type), isNamed: isNamed))
        }
        return entries
    }

    private func kind(of name: String, _ told: UInt8) -> Entry.Kind {
        switch Int(told) {
        case Int(DT_DIR): return .directory
        case Int(DT_LNK): return .link
        case Int(DT_UNKNOWN):
            var status = stat()
            guard lstat(absolute(name), &status) == 0 else { return .other }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: return .directory
            case S_IFLNK: return .link
            default: return .other
            }
        default: return .other
        }
    }

    private func isLink(_ name: String) -> Bool {
        var status = stat()
        return lstat(absolute(name), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private func isLinkToDirectory(_ name: String) -> Bool {
        var status = stat()
        return !text.contains("**") && stat(absolute(name), &status) == 0
            && status.st_mode & S_IFMT == S_IFDIR
    }
}
