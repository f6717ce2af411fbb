import Foundation

/// A way of compressing files, known by their first bytes, whatever their name.
enum Compression: String, CaseIterable {
    case gzip, zstd, xz, bzip2

    /// How a file is compressed that begins with these bytes; nil where it is not.
    ///
    /// Sources: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; the .xz file format, section 2.1.1.1; bzip2's block
    /// header, of which "BZh" alone could begin a CSV's header.
    init?(_ start: [UInt8]) {
        if start.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .zstd
        } else if start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) {
            self = .xz
        } else if start.starts(with: [0x42, 0x5A, 0x68]),
            [[0x31, 0x41, 0x59, 0x26], [0x17, 0x72, 0x45, 0x38]].contains(Array(start.dropFirst(4).prefix(4)))
        {
            self = .bzip2
        } else {
            return nil
        }
    }

    /// Enough to tell by.
    static let magicBytes: Int64 = 10

    /// The program that is sure to know it, and whose word counts where it is damaged.
    var program: String { rawValue }
    /// One that is faster, and tells less of what is damaged.
    private var fasterProgram: String? { self == .gzip ? "igzip" : nil }

    /// A program that decompresses a file.
    struct Decompressor {
        let child: ChildProgram
        /// Whether another one is to be asked where this one fails.
        let isFaster: Bool
    }

    /// Starts an installed program that decompresses from stdin to stdout.
    ///
    /// - Parameter isThorough: whether it is to be the one whose word counts.
    /// - Throws: `unreadable` where there is none.
    func decompress(
        _ input: Int32, of name: String, isThorough: Bool
    ) throws(ExtractError) -> Decompressor {
        if !isThorough, let fasterProgram, let path = ChildProgram.find(fasterProgram) {
            return Decompressor(child: try start(path, fasterProgram, ["-dc"], input), isFaster: true)
        }
        return Decompressor(child: try start(try installed(name), program, ["-dc"], input), isFaster: false)
    }

    /// Tests a file by the program whose word counts.
    ///
    /// - Returns: how it ended.
    func test(_ input: Int32, of name: String) throws(ExtractError) -> ChildProgram.Ending {
        try start(try installed(name), program, ["-t"], input).end(patienceSeconds: .infinity)
    }

    /// Whether what a program says of a damaged archive is that it ends too early: then all that was read is sound.
    static func tellsCut(_ words: String) -> Bool {
        ["unexpected end of", "premature end", "Unexpected end of", "ends unexpectedly"].contains {
            words.contains($0)
        }
    }

    private func start(
        _ path: String, _ program: String, _ arguments: [String], _ input: Int32
    ) throws(ExtractError) -> ChildProgram {
        // Secrets are none of its business.
        let paths = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try ChildProgram(
            path, [program] + arguments, input: input, environment: ["PATH=\(paths)", "LC_ALL=C"])
    }

    private func installed(_ name: String) throws(ExtractError) -> String {
        if let path = ChildProgram.find(program) { return path }
        throw ExtractError(
            kind: .unreadable, object: name,
            message:
                "is compressed with \(rawValue), and the program \(program) is not installed; install it "
                + "(apt-get install \(self == .xz ? "xz-utils" : program)), or decompress the file")
    }
}
