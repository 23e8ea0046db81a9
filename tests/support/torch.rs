//! Files as torch writes them, of the tests' own tensors.

use super::tiny::Tensors;

/// A checkpoint with these tensors under `state_dict`: a program, and an array for each.
pub(crate) fn torch_file(tensors: &Tensors) -> Vec<u8> {
    let mut program = b"\x80\x02}".to_vec();
    text(&mut program, "state_dict");
    program.extend(b"}(");
    let mut entries = Vec::new();
    for (i, (name, shape, numbers)) in tensors.iter().enumerate() {
        text(&mut program, name);
        program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut program, "storage");
        program.extend(b"ctorch\nHalfStorage\n");
        text(&mut program, &i.to_string());
        text(&mut program, "cpu");
        int(&mut program, numbers.len());
        program.extend(b"tQK\x00(");
        shape.iter().for_each(|side| int(&mut program, *side));
        program.extend(b"t(");
        for axis in 0..shape.len() {
            int(&mut program, shape[axis + 1..].iter().product());
        }
        program.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        entries.push((format!("mine/data/{i}"), bytes));
    }
    program.extend(b"us.");
    entries.push(("mine/data.pkl".to_owned(), program));
    archive(&entries)
}

fn text(program: &mut Vec<u8>, text: &str) {
    program.push(b'X');
    program.extend((text.len() as u32).to_le_bytes());
    program.extend(text.bytes());
}

fn int(program: &mut Vec<u8>, value: usize) {
    program.push(b'J');
    program.extend((value as u32).to_le_bytes());
}

/// A zip archive of entries that are stored as they are, without checksums, which nobody here reads.
fn archive(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut list) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let size = (bytes.len() as u32).to_le_bytes();
        let sizes =
            [&[0; 4][..], &size, &size, &(name.len() as u16).to_le_bytes(), &[0; 2]].concat();
        let at = (file.len() as u32).to_le_bytes();
        file.extend(b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0");
        file.extend(&sizes);
        file.extend(name.bytes());
        file.extend(bytes);
        list.extend(b"PK\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0");
        list.extend(&sizes);
        list.extend([0; 10]);
        list.extend(at);
        list.extend(name.bytes());
    }
    let (start, size) = (file.len() as u32, list.len() as u32);
    file.extend(&list);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(
        [(entries.len() as u16).to_le_bytes(), (entries.len() as u16).to_le_bytes()].concat(),
    );
    file.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend([0; 2]);
    file
}
